# Prints what zsh offers for each command line: zsh -f zsh_probe.zsh COMPLETIONS LINE...
zmodload zsh/zpty || exit 1
zpty probe zsh -f -i
zpty -w probe "PROMPT= RPROMPT= PROMPT2= TERM=dumb; unsetopt auto_list auto_menu zle_bracketed_paste prompt_cr prompt_sp 2>/dev/null"
zpty -w probe "autoload -Uz compinit && compinit -u -D && source ${(q)1}"
zpty -w probe 'compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  local -a found; builtin compadd -O found "$@"
  print -rl -- "<"${^found}">"
  builtin compadd "$@"
}'
zpty -w probe 'finish() { print "<""END>"; comppostfuncs=(finish) }; comppostfuncs=(finish); bindkey "^I" complete-word'
# The line editor discards what was typed before it started.
zpty -w probe 'print "<""READY>"'
zpty -r probe output '*<READY>*'
for line in "${@[2,-1]}"; do
  # Control-U clears the line before.
  zpty -w -n probe $'\C-u'"$line"$'\t'
  zpty -r probe output '*<END>*'
  print -r -- "$output"
done
zpty -d probe
