/**
 * Where systems without programs in /usr/bin have them: NixOS (wrappers like `sudo` first), Guix, and Nix
 * on other systems.
 *
 * Source: nixpkgs nixos/modules/programs/environment.nix; Guix manual, "Invoking guix system".
 */
export const FOREIGN_PATH =
  "/run/wrappers/bin:/run/current-system/sw/bin:/run/current-system/profile/bin:" +
  "/run/current-system/profile/sbin:/nix/var/nix/profiles/default/bin";

/** Shell text that appends {@linkcode FOREIGN_PATH} and /usr/local to PATH. */
export const EXTEND_PATH =
  `PATH="$PATH:/usr/local/sbin:/usr/local/bin:${FOREIGN_PATH}"; export PATH`;
