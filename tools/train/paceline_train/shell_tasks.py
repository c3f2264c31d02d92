"""Shell one-liners for everyday operations: request, command, one sentence on how it works. Values in braces are drawn from VALUES;
a skeleton is (id, requests, command, explanation)."""

VALUES = {
    'dir': ('/var/log /home /tmp /etc /var/lib /opt /srv /usr/share /var/cache /data /backup /home/user /var/www /usr/local /mnt/data '
            '/var/spool /root /var/tmp ~/projects ~/Downloads /srv/www /opt/app').split(),
    'n': [str(n) for n in (3, 5, 7, 8, 10, 12, 15, 20, 25, 30, 50, 100)],
    'lines': [str(n) for n in (5, 10, 20, 30, 50, 100, 200, 500)],
    'days': [str(n) for n in (1, 2, 3, 5, 7, 10, 14, 30, 60, 90)],
    'megabytes': [str(n) for n in (1, 5, 10, 20, 50, 100, 200, 250, 500)],
    'port': '22 25 53 80 443 631 3000 3306 5000 5432 6379 8000 8080 8443 9090 9200 27017'.split(),
    'ext': 'log txt py json csv conf md yaml sh html jpg tar.gz bak xml sql'.split(),
    'ext2': 'txt md json csv bak old log html'.split(),
    'file': 'app.log server.log access.log error.log data.csv notes.txt config.yaml output.txt users.csv syslog report.txt access.txt'.split(),
    'word': 'error warning timeout failed denied critical exception refused ERROR WARN 404 500 root TODO'.split(),
    'other': 'success ok fixed info debug done new INFO DEBUG true'.split(),
    'user': 'alice bob deploy www-data postgres admin backup jenkins git root'.split(),
    'service': 'nginx ssh docker postgresql redis apache2 cron mysql haproxy grafana'.split(),
    'process': 'nginx python java node postgres redis chrome ssh docker mysql'.split(),
    'host': 'server1 web01 example.com db.local 10.0.0.5 backup.local 192.168.1.10'.split(),
    'name': 'backup project site logs data app release docs'.split(),
    'mode': '644 755 600 700 640 750'.split(),
    'column': '1 2 3 4 5'.split(),
    'pid': '1234 4321 999 2048 5150 777'.split(),
    'container': 'web db api worker cache proxy'.split(),
    'branch': 'main develop feature fix release test'.split(),
}

SKELETONS = (
    ('largest_files', 'find the {n} largest files in {dir} | Find the {n} biggest files in {dir} | show the {n} largest files under {dir} | How do I find the {n} largest files in {dir}? | list the {n} biggest files in {dir} | What are the {n} largest files in {dir}?',
     'find {dir} -type f -exec du -h {{}} + | sort -rh | head -n {n}', 'du prints the size of every file, sort -rh puts the largest first and head keeps {n} lines.'),
    ('largest_directories', 'find the {n} largest directories in {dir} | Show the {n} biggest directories under {dir} | Which {n} folders in {dir} use the most space? | list the {n} largest folders in {dir}',
     'du -h --max-depth=1 {dir} | sort -rh | head -n {n}', 'du adds up each directory, sort -rh puts the largest first and head keeps {n} lines.'),
    ('newest_files', 'find the {n} newest files in {dir} | Show the {n} most recently changed files in {dir} | list the {n} latest files in {dir}',
     "find {dir} -type f -printf '%T@ %p\\n' | sort -rn | head -n {n}", 'find prints the time of the last change, sort -rn puts the newest first and head keeps {n} lines.'),
    ('oldest_files', 'find the {n} oldest files in {dir} | Show the {n} oldest files under {dir}',
     "find {dir} -type f -printf '%T@ %p\\n' | sort -n | head -n {n}", 'find prints the time of the last change, sort -n puts the oldest first and head keeps {n} lines.'),
    ('older_than', 'find files older than {days} days in {dir} | List all files in {dir} not changed for {days} days | How do I find files in {dir} that are older than {days} days?',
     'find {dir} -type f -mtime +{days}', '-mtime +{days} matches files changed more than {days} days ago.'),
    ('changed_within', 'find files changed in the last {days} days in {dir} | Which files in {dir} were modified in the last {days} days? | list files in {dir} changed within {days} days',
     'find {dir} -type f -mtime -{days}', '-mtime -{days} matches files changed less than {days} days ago.'),
    ('larger_than', 'find files larger than {megabytes} MB in {dir} | List all files over {megabytes} MB in {dir} | Which files in {dir} are bigger than {megabytes} MB?',
     'find {dir} -type f -size +{megabytes}M', '-size +{megabytes}M matches files larger than {megabytes} MB.'),
    ('by_extension', 'find all .{ext} files in {dir} | List every {ext} file under {dir} | How do I find all {ext} files in {dir}?',
     "find {dir} -type f -name '*.{ext}'", "-name '*.{ext}' matches the ending of the file name."),
    ('count_extension', 'count the .{ext} files in {dir} | How many {ext} files are in {dir}?',
     "find {dir} -type f -name '*.{ext}' | wc -l", 'find lists the files and wc -l counts them.'),
    ('count_files', 'count the files in {dir} | How many files are in {dir}? | number of files under {dir}',
     'find {dir} -type f | wc -l', 'find lists all files and wc -l counts the lines.'),
    ('delete_old_logs', 'delete .{ext} files older than {days} days in {dir} | Remove all {ext} files in {dir} that are older than {days} days',
     "find {dir} -type f -name '*.{ext}' -mtime +{days} -delete", 'Run it without -delete first to see what would be removed.'),
    ('empty_files', 'find empty files in {dir} | List all empty files under {dir}', 'find {dir} -type f -empty', '-empty matches files of size zero.'),
    ('empty_directories', 'find empty directories in {dir} | List all empty folders under {dir}', 'find {dir} -type d -empty', '-type d -empty matches directories without entries.'),
    ('search_word', "search for '{word}' in all files under {dir} | Find every file in {dir} that contains '{word}' | grep for {word} in {dir}",
     "grep -rn '{word}' {dir}", '-r searches the directory recursively and -n prints line numbers.'),
    ('count_word', "count the lines with '{word}' in {file} | How many lines of {file} contain '{word}'?",
     "grep -c '{word}' {file}", '-c prints the number of matching lines.'),
    ('search_ignore_case', "search {file} for '{word}' ignoring case | Find '{word}' in {file}, upper or lower case",
     "grep -i '{word}' {file}", '-i ignores the difference between upper and lower case.'),
    ('lines_without', "show the lines of {file} without '{word}' | Print all lines of {file} that do not contain '{word}'",
     "grep -v '{word}' {file}", '-v prints the lines that do not match.'),
    ('replace_word', "replace '{word}' with '{other}' in {file} | Change every '{word}' to '{other}' in {file}",
     "sed -i 's/{word}/{other}/g' {file}", '-i edits the file in place and g replaces every occurrence.'),
    ('last_lines', 'show the last {lines} lines of {file} | Print the last {lines} lines of {file}', 'tail -n {lines} {file}', 'tail prints the end of a file.'),
    ('first_lines', 'show the first {lines} lines of {file} | Print the first {lines} lines of {file}', 'head -n {lines} {file}', 'head prints the beginning of a file.'),
    ('follow', 'follow {file} as it grows | Watch {file} live | show new lines of {file} as they are written', 'tail -f {file}', '-f keeps printing what is added to the file.'),
    ('count_lines', 'count the lines of {file} | How many lines does {file} have?', 'wc -l {file}', 'wc -l counts lines.'),
    ('sort_unique', 'sort {file} and remove duplicate lines | Print the unique lines of {file}', 'sort -u {file}', '-u keeps one of each line.'),
    ('common_lines', 'show the {n} most common lines of {file} | What are the {n} most frequent lines in {file}?',
     'sort {file} | uniq -c | sort -rn | head -n {n}', 'uniq -c counts equal lines and sort -rn puts the most frequent first.'),
    ('top_addresses', 'show the {n} IP addresses with the most requests in {file} | Which {n} addresses appear most often in {file}?',
     "awk '{{print $1}}' {file} | sort | uniq -c | sort -rn | head -n {n}", 'awk prints the first field, uniq -c counts it and sort -rn puts the most frequent first.'),
    ('print_column', 'print column {column} of {file} | Show field {column} of every line in {file}', "awk '{{print ${column}}}' {file}", 'awk splits each line at blanks and prints field {column}.'),
    ('csv_column', 'print column {column} of the comma separated file {file} | Show field {column} of {file}, separated by commas', 'cut -d, -f{column} {file}', '-d, sets the separator and -f{column} picks the field.'),
    ('sum_column', 'add up column {column} of {file} | Sum the numbers in field {column} of {file}', "awk '{{s += ${column}}} END {{print s}}' {file}", 'awk adds field {column} of every line and prints the sum at the end.'),
    ('disk_usage', 'show disk usage of {dir} | How much space does {dir} use? | total size of {dir}', 'du -sh {dir}', '-s prints one total and -h uses readable units.'),
    ('disk_free', 'show free disk space | How much disk space is left? | check disk space on all file systems', 'df -h', 'df lists the file systems and -h uses readable units.'),
    ('memory', 'show memory usage | How much memory is free? | check free memory', 'free -h', '-h uses readable units.'),
    ('port_user', 'which process uses port {port} | Find the process listening on port {port} | What is running on port {port}?',
     "ss -tlnp | grep ':{port} '", 'ss -tlnp lists listening TCP sockets with their processes.'),
    ('open_ports', 'list all open ports | Show the listening ports | Which ports are open?', 'ss -tln', '-t is TCP, -l listening and -n numbers instead of names.'),
    ('check_port', 'check whether port {port} on {host} is open | Test if port {port} is reachable on {host}', 'nc -zv {host} {port}', '-z only tests the connection and -v says what happened.'),
    ('top_cpu', 'show the {n} processes that use the most CPU | Which {n} processes use the most CPU?', 'ps aux --sort=-%cpu | head -n {n}', '--sort=-%cpu puts the busiest first; the first line is the header.'),
    ('top_memory', 'show the {n} processes that use the most memory | Which {n} processes use the most memory?', 'ps aux --sort=-%mem | head -n {n}', '--sort=-%mem puts the largest first; the first line is the header.'),
    ('find_process', 'find all {process} processes | Is {process} running? | list the processes named {process}', 'pgrep -a {process}', '-a prints the full command line.'),
    ('user_processes', 'list the processes of user {user} | Show all processes run by {user}', 'ps -u {user}', '-u {user} picks the processes of one user.'),
    ('kill_process', 'stop the process with pid {pid} | Kill process {pid}', 'kill {pid}', 'kill asks the process to end; use kill -9 only if it does not.'),
    ('kill_name', 'stop all {process} processes | Kill every process named {process}', 'pkill {process}', 'pkill ends processes by name.'),
    ('service_status', 'show the status of {service} | Is the {service} service running?', 'systemctl status {service}', 'systemctl prints the state and the last log lines.'),
    ('service_restart', 'restart {service} | How do I restart the {service} service?', 'sudo systemctl restart {service}', 'systemctl stops and starts the service.'),
    ('service_enable', 'start {service} at boot | Enable the {service} service at startup', 'sudo systemctl enable --now {service}', 'enable starts it at boot and --now also starts it at once.'),
    ('service_logs', 'show the last {lines} log lines of {service} | Print the last {lines} journal entries of {service}', 'journalctl -u {service} -n {lines}', '-u picks the unit and -n the number of lines.'),
    ('follow_service', 'follow the logs of {service} | Watch the journal of {service} live', 'journalctl -u {service} -f', '-f keeps printing new entries.'),
    ('boot_errors', 'show errors since the last boot | Print all error messages of this boot', 'journalctl -b -p err', '-b picks this boot and -p err errors and worse.'),
    ('make_archive', 'pack {dir} into {name}.tar.gz | Create a compressed archive {name}.tar.gz of {dir}', 'tar -czf {name}.tar.gz {dir}', '-c creates, -z compresses with gzip and -f names the file.'),
    ('extract_archive', 'unpack {name}.tar.gz | Extract {name}.tar.gz | unpack the archive {name}.tar.gz into {dir}', 'tar -xzf {name}.tar.gz', '-x extracts, -z is gzip and -f names the file.'),
    ('list_archive', 'list the contents of {name}.tar.gz | What is inside {name}.tar.gz?', 'tar -tzf {name}.tar.gz', '-t lists the archive without unpacking it.'),
    ('copy_remote', 'copy {file} to {host} as {user} | Send {file} to {dir} on {host} as user {user}', 'scp {file} {user}@{host}:{dir}', 'scp copies over ssh.'),
    ('sync_remote', 'sync {dir} to {host} | Mirror {dir} to {host} with rsync', 'rsync -av {dir}/ {host}:{dir}/', '-a keeps permissions and times, -v lists what is copied.'),
    ('login_remote', 'log in to {host} as {user} | Connect to {host} over ssh as {user}', 'ssh {user}@{host}', 'ssh opens a shell on the other machine.'),
    ('set_mode', 'set the permissions of {file} to {mode} | Change the mode of {file} to {mode}', 'chmod {mode} {file}', 'chmod sets the permissions.'),
    ('set_owner', 'make {user} the owner of {dir} | Change the owner of {dir} and everything in it to {user}', 'sudo chown -R {user} {dir}', '-R goes through all files below.'),
    ('make_executable', 'make {name}.sh executable | Allow {name}.sh to be run', 'chmod +x {name}.sh', '+x adds the right to execute.'),
    ('symlink', 'create a symbolic link {name} to {dir} | Link {dir} as {name}', 'ln -s {dir} {name}', '-s makes the link symbolic.'),
    ('rename_extension', 'rename all .{ext} files to .{ext2} | Change the extension of every {ext} file to {ext2}', 'for f in *.{ext}; do mv "$f" "${{f%.{ext}}}.{ext2}"; done', 'The loop strips the old ending and adds the new one.'),
    ('download', 'download https://{host}/{file} | Fetch {file} from {host}', 'curl -O https://{host}/{file}', '-O keeps the name of the remote file.'),
    ('http_status', 'show the HTTP status of https://{host} | Which status code does {host} return?', "curl -s -o /dev/null -w '%{{http_code}}\\n' https://{host}", '-o drops the page and -w prints the status code.'),
    ('ping', 'ping {host} {column} times | Send {column} pings to {host}', 'ping -c {column} {host}', '-c sets the number of packets.'),
    ('own_address', 'show my IP addresses | What is the IP address of this machine?', 'ip addr show', 'ip lists every interface with its addresses.'),
    ('docker_list', 'list all running containers | Show the running docker containers', 'docker ps', 'Add -a to see stopped containers too.'),
    ('docker_logs', 'show the last {lines} log lines of container {container} | Print the last {lines} lines of the {container} container logs', 'docker logs --tail {lines} {container}', '--tail limits the output to the last lines.'),
    ('docker_shell', 'open a shell in the container {container} | Get a shell inside the {container} container', 'docker exec -it {container} sh', '-it connects your terminal.'),
    ('docker_restart', 'restart the container {container} | Restart the docker container {container}', 'docker restart {container}', 'docker stops and starts the container.'),
    ('pod_logs', 'show the logs of pod {container} | Print the last {lines} lines of the logs of pod {container}', 'kubectl logs --tail={lines} {container}', '--tail limits the output to the last lines.'),
    ('pods', 'list all pods in all namespaces | Show every pod of the cluster', 'kubectl get pods -A', '-A means all namespaces.'),
    ('git_branch', 'create a git branch {branch} and switch to it | Make a new branch called {branch} in git', 'git switch -c {branch}', '-c creates the branch.'),
    ('git_log', 'show the last {n} commits | Print the last {n} git commits, one line each', 'git log --oneline -n {n}', '--oneline prints one line a commit.'),
    ('git_undo', 'undo the last git commit but keep the changes | Take back the last commit and keep my changes', 'git reset --soft HEAD~1', '--soft keeps the changes staged.'),
    ('uptime', 'show how long the system has been running | What is the uptime of this machine?', 'uptime', 'It also prints the load averages.'),
    ('logged_in', 'who is logged in | Show the users that are logged in', 'who', 'who lists the sessions.'),
    ('cpu_count', 'how many CPUs does this machine have | Show the number of CPU cores', 'nproc', 'nproc prints the number of available processors.'),
    ('cron_list', 'list my cron jobs | Show the crontab of user {user}', 'crontab -l', '-l lists the entries.'),
)
PREFIX = ('', '', '', '', '', '', 'Shell command to ', 'Give me a shell command to ', 'Bash: ', 'How can I ', 'How do I ', 'I want to ', 'command to ',
          'Please ', 'Write a shell command to ', 'one-liner to ')
BARE = (', just the command', '. Just the command.', ', command only')


def shell_command(stream):
    identity, requests, command, explanation = stream.pick(SKELETONS)
    if stream.chance(6):
        identity, requests, command, explanation = SKELETONS[0]
    request = stream.pick(requests.split(' | '))
    if identity == 'cron_list':
        request = 'list my cron jobs'
    if identity == 'pod_logs':
        request = requests.split(' | ')[1]
    if identity == 'copy_remote':
        request = requests.split(' | ')[1]
    if identity == 'extract_archive':
        request = stream.pick(requests.split(' | ')[:2])
    values = {name: stream.pick(items) for name, items in VALUES.items()}
    question = request.format(**values)
    if question[0].islower() and not question.startswith(('which', 'who', 'how')):
        prefix = stream.pick(PREFIX)
        question = prefix + question + ('?' if prefix.startswith('How ') else '')
        if not prefix and stream.chance(35):
            question = question[0].upper() + question[1:] + stream.pick(('', '.'))
    drawn = identity if '{' in requests else identity + '/' + question      # without parameters the wording is all there is to split by
    block = f'```bash\n{command.format(**values)}\n```'
    if stream.chance(25) and not question.endswith(('?', '.')):
        return (drawn, block, 'bare'), question + stream.pick(BARE), block, {}
    return (drawn, block), question, f'{block}\n\n{explanation.format(**values)}', {}


FAMILIES = {'shell_command': (shell_command, 100)}
