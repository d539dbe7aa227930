import assert from "node:assert/strict";
import { configOf, fakeMachine, type FakeMachineOptions, faultsOf } from "../support/config.ts";
import { pure } from "../support/pure.ts";

const PROGRAMS: Readonly<Record<string, FakeMachineOptions>> = {
  "its source tree": { program: ["/home/me/project"] },
  "a part of its source tree": { program: ["/home/me"] },
  "its executable": { files: ["/home/me/project/mre"], program: ["/home/me/project/mre"] },
  "another executable of it": { files: ["/home/me/project/mcp-remote-exec"] },
  "another copy of its source": {
    files: ["main.ts", "deno.json", "src/sandbox/permissions.ts"].map((name) =>
      `/home/me/project/${name}`
    ),
  },
};

for (const [name, options] of Object.entries(PROGRAMS)) {
  pure(`loadConfig() does not work in the current directory when it is ${name}`, () => {
    const machine = fakeMachine({ home: "/users/me", ...options });
    assert.equal(configOf({}, machine).files.workingDirectory, "/users/me/mcp-files");
    assert.deepEqual(machine.made, ["/users/me/mcp-files"]);
  });
}

pure("loadConfig() refuses a default directory that holds a program", () => {
  for (
    const options of [
      { program: ["/home/me/mcp-files"] },
      { files: ["/home/me/mcp-files/mcp-remote-exec"] },
    ]
  ) {
    const [fault] = faultsOf({}, fakeMachine({ cwd: "/", ...options }));
    assert.equal(
      fault?.message,
      "WORKING_DIRECTORY is not set, the current directory is the root, and " +
        "/home/me/mcp-files holds the program",
    );
  }
});

pure("loadConfig() works beside other projects and in the directory above the program", () => {
  const machine = fakeMachine({
    program: ["/home/me/project/tools/mre"],
    files: ["/home/me/project/main.ts", "/home/me/project/deno.json"],
  });
  assert.equal(configOf({}, machine).files.workingDirectory, "/home/me/project");
});

pure("loadConfig() does not work in the directories of Windows", () => {
  const machine = fakeMachine({
    windows: true,
    cwd: "C:\\WINDOWS\\System32",
    home: "C:\\Users\\me",
  });
  assert.equal(configOf({}, machine).files.workingDirectory, "C:\\Users\\me\\mcp-files");
});

const SYSTEM = ["/", "//", "/.", "/link", "/proc", "/proc/self/cwd", "/sys", "/dev"];

for (const name of ["WORKING_DIRECTORY", "ALLOWED_DIRECTORIES"]) {
  pure(`loadConfig() refuses a ${name} that holds the complete system`, () => {
    for (const path of SYSTEM) {
      const machine = fakeMachine({ directories: SYSTEM, links: { "/link": "/" } });
      const [fault] = faultsOf({ [name]: path }, machine);
      const text = `${name} names "${path}", which would allow access to the complete system`;
      assert.equal(fault?.message, text);
    }
  });
}

pure("loadConfig() allows directories of the system that hold only files", () => {
  const machine = fakeMachine({ directories: ["/dev/shm", "/srv"] });
  const env = { WORKING_DIRECTORY: "/dev/shm", ALLOWED_DIRECTORIES: "/srv" };
  assert.deepEqual(configOf(env, machine).files.roots, ["/dev/shm", "/srv"]);
});

pure("loadConfig() warns of a directory in which every file is the program's own", () => {
  const machine = fakeMachine({ program: ["/app"], directories: ["/app/files"] });
  const { remarks } = configOf({ WORKING_DIRECTORY: "/app/files" }, machine).origin;
  assert.deepEqual(remarks.map(({ level, message }) => [level, message]), [
    ["warning", "No tool can use /app/files: it belongs to this program (/app)"],
  ]);
});
