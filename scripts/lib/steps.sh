# Sourced by scripts/test: runs named steps one after the other, each into a log of its own, and adds up what passed. A failing step does
# not hide the others.
log_folder=build-test/logs
mkdir -p "$log_folder"
passed=0
failed=0
failed_steps=()
started=$SECONDS
processor_total=0

# Counts the tests in a ctest log, or the step itself. "99% tests passed, 1 tests failed out of 120" -> 119 and 1.
count_results() {
  local log=$1 status=$2 line
  line=$(grep -E '^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+' "$log" | tail -n 1 || true)
  if [[ $line =~ ,\ ([0-9]+)\ tests?\ failed\ out\ of\ ([0-9]+) ]]; then
    local bad=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
    ((status != 0 && bad == 0)) && bad=1
    passed=$((passed + all - bad)) failed=$((failed + bad))
  elif ((status == 0)); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
  fi
}

# User and system time of everything this script has run and waited for (proc(5): cutime, cstime).
child_processor_seconds() {
  awk -v ticks="$(getconf CLK_TCK)" '{print int(($16 + $17) / ticks)}' "/proc/$$/stat"
}

# step NAME COMMAND...: one line when it is over; the end of its log when it failed.
step() {
  local name=$1 begin=$SECONDS status=0
  local log="$log_folder/${name// /-}.log"
  shift
  [[ $only == "" || $name == *$only* ]] || return 0
  [[ -t 1 ]] && printf '       %-34s ...\r' "$name"
  # A subshell with its own errexit; "||" would switch that off inside a function. Processor time tells how long it takes on a quiet machine.
  local cpu_before cpu
  cpu_before=$(child_processor_seconds)
  set +e
  (set -e; "$@") >"$log" 2>&1
  status=$?
  set -e
  cpu=$(($(child_processor_seconds) - cpu_before))
  processor_total=$((processor_total + cpu))
  count_results "$log" "$status"
  local summary
  summary=$(grep -E '^[0-9]+% tests passed' "$log" | tail -n 1 || true)
  if ((status == 0)); then
    printf 'ok     %-32s %5d s (%5d cpu)  %s\n' "$name" $((SECONDS - begin)) "$cpu" "$summary"
  else
    printf 'FAILED %-32s %5d s (%5d cpu)  %s (%s)\n' "$name" $((SECONDS - begin)) "$cpu" "$summary" "$log"
    tail -n 60 "$log" | sed 's/^/       | /'
    failed_steps+=("$name")
  fi
  grep -E '\*\*\*Skipped' "$log" | sed 's/^/       skipped: /' || true
}

finish_steps() {
  ((${#failed_steps[@]} == 0)) || printf 'failed steps: %s\n' "$(IFS=,; echo "${failed_steps[*]}")"
  printf '%d minutes %d seconds; %d minutes of processor time\n' $(((SECONDS - started) / 60)) $(((SECONDS - started) % 60)) \
    $((processor_total / 60))
  printf '%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0 && passed > 0))
}
