# keep_words.sh FILE COMMAND...: runs a command, keeps what it says in FILE, and shows it when the command fails.
words=$1
shift
"$@" >"$words" 2>&1 || { cat "$words"; exit 1; }
