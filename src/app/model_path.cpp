#include "app/model_path.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <optional>

#include "app/environment.h"
#include "base/error.h"

namespace paceline {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kUsualQuant = "Q4_K_M";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// The set a part belongs to and whether it is its first: "x-00002-of-00003.gguf" -> ("x", false).
std::pair<std::string, bool> split_set(const std::string& file) {
  std::string stem = file.substr(0, file.size() - 5);
  if (stem.size() < 15 || stem.substr(stem.size() - 9, 4) != "-of-" || stem[stem.size() - 15] != '-')
    return {stem, true};
  const std::string part = stem.substr(stem.size() - 14, 5);
  return {stem.substr(0, stem.size() - 15), part == "00001"};
}

// A whole word of the file's name, so that Q4_K does not find Q4_K_M.
bool names_quant(const std::string& stem, std::string_view quant) {
  const std::string text = lower(stem), wanted = lower(quant);
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t at = text.find(wanted); at != std::string::npos; at = text.find(wanted, at + 1)) {
    const bool starts = at == 0 || !is_word(text[at - 1]);
    const size_t end = at + wanted.size();
    if (starts && (end == text.size() || !is_word(text[end]))) return true;
  }
  return false;
}

struct RepoName {
  std::string repo, quant;
};

// "org/name" or "org/name:quant"; anything else cannot be a repository.
std::optional<RepoName> parse_repo(const std::string& name) {
  RepoName out{name, ""};
  const size_t colon = name.find(':');
  if (colon != std::string::npos) out = {name.substr(0, colon), name.substr(colon + 1)};
  const size_t slash = out.repo.find('/');
  const bool valid = slash != std::string::npos && slash > 0 && slash + 1 < out.repo.size() &&
                     out.repo.find('/', slash + 1) == std::string::npos && out.repo[0] != '.';
  if (!valid) return std::nullopt;
  return out;
}

std::string how_to_get(const RepoName& wanted) {
  const std::string pattern = wanted.quant.empty() ? std::string(kUsualQuant) : wanted.quant;
  return cat("get it with: hf download ", wanted.repo, " --include '*", pattern, "*.gguf'");
}

// What can be read of a folder: a cache may hold links that lead nowhere or in a circle, and folders of others.
template <class Iterator>
std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (Iterator at(folder, fs::directory_options::skip_permission_denied, error); at != Iterator(); at.increment(error))
    entries.push_back(at->path());
  return entries;
}

// The folder of the commit that refs/main names, else of the newest snapshot; "" when there is none.
fs::path find_snapshot(const fs::path& repo_folder) {
  std::ifstream reference(repo_folder / "refs" / "main");
  std::string commit;
  std::error_code error;
  if (reference >> commit && fs::is_directory(repo_folder / "snapshots" / commit, error))
    return repo_folder / "snapshots" / commit;
  fs::path newest;
  fs::file_time_type newest_time;
  for (const fs::path& folder : entries_of<fs::directory_iterator>(repo_folder / "snapshots")) {
    const fs::file_time_type time = fs::last_write_time(folder, error);
    if (!fs::is_directory(folder, error) || (!newest.empty() && time <= newest_time)) continue;
    newest = folder, newest_time = time;
  }
  return newest;
}

// Relative to the snapshot: some repositories keep each quant in a folder of its own. Names, not what links point to: the cache links to
// files named by their hash.
std::vector<std::string> gguf_files(const fs::path& snapshot) {
  std::vector<std::string> files;
  std::error_code error;
  for (const fs::path& entry : entries_of<fs::recursive_directory_iterator>(snapshot))
    if (entry.extension() == ".gguf" && fs::exists(entry, error))
      files.push_back(entry.lexically_relative(snapshot).string());
  std::sort(files.begin(), files.end());
  return files;
}

std::string find_in_cache(const RepoName& wanted) {
  std::string folder = "models--" + wanted.repo;
  folder.replace(folder.find('/'), 1, "--");
  const fs::path hub = hugging_face_cache(), repo_folder = hub / folder;
  const fs::path snapshot = find_snapshot(repo_folder);
  if (snapshot.empty()) fail(wanted.repo, " is not in the Hugging Face cache ", hub.string(), "; ", how_to_get(wanted));
  const std::vector<std::string> files = gguf_files(snapshot);
  if (files.empty()) fail(wanted.repo, " has no GGUF file in ", snapshot.string(), "; ", how_to_get(wanted));
  return (snapshot / choose_model_file(wanted.repo, wanted.quant, files)).string();
}

}  // namespace

std::string hugging_face_cache() {
  if (const std::string hub = environment("HF_HUB_CACHE"); !hub.empty()) return hub;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return home + "/hub";
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty()) return cache + "/huggingface/hub";
  return environment("HOME") + "/.cache/huggingface/hub";
}

std::string choose_model_file(const std::string& repo, std::string_view quant, std::vector<std::string> files) {
  std::erase_if(files, [](const std::string& file) {
    const std::string name = lower(fs::path(file).filename().string());
    return name.starts_with("mmproj") || name.starts_with("mtp-") || name.find("imatrix") != std::string::npos ||
           !split_set(file).second;
  });
  std::vector<std::string> matching;
  const std::string_view wanted = quant.empty() ? kUsualQuant : quant;
  for (const std::string& file : files)
    if (names_quant(split_set(file).first, wanted)) matching.push_back(file);
  if (matching.empty() && quant.empty()) matching = files;
  if (matching.size() == 1) return matching[0];
  std::string list;
  for (const std::string& file : matching.empty() ? files : matching) list += cat(list.empty() ? "" : ", ", file);
  if (matching.empty())
    fail(repo, " has no file with ", quant, " in the cache, it has ", list.empty() ? "no model" : list, "; ",
         how_to_get({repo, std::string(quant)}));
  fail(repo, " has several files", quant.empty() ? "" : cat(" with ", quant), ": ", list, "; choose one as ", repo,
       ":QUANT or give its path");
}

std::string default_model_file() {
  constexpr const char* kName = "paceline-demo.gguf";
  std::error_code error;
  const std::vector<std::string> folders = shared_folders("models");
  for (const std::string& models : folders)
    if (const fs::path file = fs::path(models) / kName; fs::is_regular_file(file, error)) return file.string();
  fail("the default model ", kName, " is not beside the program (", folders[0], "); choose a model with -m");
}

std::vector<std::string> shared_folders(const std::string& name) {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<std::string> out;
  for (const fs::path& place :
       {folder / ".." / name, folder / ".." / "share" / "paceline" / name, fs::path(PACELINE_SOURCE_FOLDER) / name})
    out.push_back(place.lexically_normal().string());
  return out;
}

std::string find_model_file(const std::string& name) {
  std::error_code error;
  if (fs::exists(name, error)) {
    if (fs::is_directory(name, error)) fail(name, " is a folder, expected a GGUF file");
    return name;
  }
  const bool looks_like_path =
      name.ends_with(".gguf") || name.starts_with("/") || name.starts_with(".") || name.starts_with("~");
  const std::optional<RepoName> repo = parse_repo(name);
  if (!looks_like_path && repo) return find_in_cache(*repo);
  fail(name, " does not exist; give a GGUF file, or ORG/NAME[:QUANT] of a repository in the Hugging Face cache ",
       hugging_face_cache(), ", filled with: hf download ORG/NAME --include '*", kUsualQuant, "*.gguf'");
}

}  // namespace paceline
