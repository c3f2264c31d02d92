# Sourced: Node and npm for what is written in JavaScript. Debian 12's own (18) is too old for today's tools but can fetch a newer one: its
# npm puts Node and npm of the versions below into .tools, once. What is there already is used, and then no network is touched.
node_version=24.21.0
npm_version=11.21.2
node_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Fetches Node and npm if they are not there, and puts them first in PATH. Two at once wait for each other.
use_node() {
  local tools=$node_root/.tools/node machine package lock=""
  mkdir -p "$node_root/.tools"
  case $(uname -m) in
    x86_64) machine=x64 ;;
    aarch64) machine=arm64 ;;
    *) echo "node: there is no package of Node for $(uname -m), expected x86_64 or aarch64" >&2; return 1 ;;
  esac
  package=node-linux-$machine
  if [[ $(cat "$tools/versions" 2>/dev/null) != "$node_version $npm_version" ]]; then
    exec {lock}>"$node_root/.tools/lock" && flock "$lock"
  fi
  if [[ $(cat "$tools/versions" 2>/dev/null) != "$node_version $npm_version" ]]; then
    command -v npm >/dev/null || { echo "node: npm is missing; scripts/install-dependencies test installs it" >&2; return 1; }
    echo "fetching Node $node_version"
    rm -rf "$tools"
    mkdir -p "$tools"
    echo '{"private": true}' >"$tools/package.json"
    npm install --prefix "$tools" --no-save --no-package-lock --ignore-scripts --no-fund --no-audit --no-update-notifier --loglevel=error \
      "$package@$node_version" "npm@$npm_version" >/dev/null || return 1
    echo "$node_version $npm_version" >"$tools/versions"
  fi
  if [[ -n $lock ]]; then exec {lock}>&-; fi
  case :$PATH: in
    *":$tools/node_modules/$package/bin:"*) ;;
    *) export PATH=$tools/node_modules/$package/bin:$tools/node_modules/.bin:$PATH ;;
  esac
}

# The packages of FOLDER/package-lock.json into FOLDER/node_modules, unless they are there: npm_packages FOLDER
npm_packages() {
  local folder=$1 stamp=$1/node_modules/.installed wanted
  use_node || return 1
  wanted="$(sha256sum <"$folder/package-lock.json") node $node_version"
  [[ $(cat "$stamp" 2>/dev/null) != "$wanted" ]] || return 0
  echo "fetching the packages of ${folder#"$node_root"/}"
  (cd "$folder" && npm ci --ignore-scripts --no-fund --no-audit --no-update-notifier --loglevel=error >/dev/null) || return 1
  echo "$wanted" >"$stamp"
}
