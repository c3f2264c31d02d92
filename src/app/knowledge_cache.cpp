#include "app/knowledge_cache.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/environment.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"

namespace paceline {

namespace fs = std::filesystem;

namespace {

constexpr double kLongestSeconds = 3600;  // of one round; more is damage
constexpr double kMostIds = 1 << 24;  // a larger one is damage
constexpr size_t kLargestFile = 1 << 16;

// "" when the user has no cache folder.
fs::path folder() {
  if (const std::string cache = environment("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "paceline/curves";
  if (const std::string home = environment("HOME"); !home.empty()) return fs::path(home) / ".cache/paceline/curves";
  return {};
}

// One file for each model (by path, size and time), device with its instruction set, number of threads and kind of KV cache.
fs::path file_of(const Session& session) {
  const fs::path where = folder();
  if (where.empty()) return {};
  std::error_code error;
  const fs::path model = fs::absolute(session.file->path(), error);
  const auto changed = fs::last_write_time(model, error).time_since_epoch().count();
  const KvTypes& kv = session.options.kv;
  const std::string key =
      cat(model.string(), "|", changed, "|", fs::file_size(model, error), "|", session.device->description(), "|",
          session.threads, "|", static_cast<int>(kv.k), "|", static_cast<int>(kv.v));
  uint64_t hash = key.size();
  for (const unsigned char c : key) hash = mix64(hash ^ c);
  return where / cat(model.stem().string(), "-", hash, ".json");
}

Json curve(const RowTimes& times) {
  Json out = Json::array();
  for (int rows = 1; rows <= times.most_rows(); ++rows)
    out.push_back(times.measured(rows) ? Json(times.median(rows)) : Json());
  return out;
}

void read_curve(const Json& list, RowTimes& times) {
  int rows = 0;
  for (const Json& value : list.as_array()) {
    if (++rows > times.most_rows()) return;
    if (value.is_number() && value.as_number() > 0 && value.as_number() < kLongestSeconds)
      times.record(rows, value.as_number());
  }
}

}  // namespace

std::string knowledge_text(const SpeculationKnowledge& knowledge) {
  Json out = Json::object(), ids = Json::array();
  for (const Token id : knowledge.draft_ids) ids.push_back(id);
  out.set("verify_s", curve(knowledge.times.verify)), out.set("draft_s", curve(knowledge.times.draft));
  out.set("draft_ids", std::move(ids));
  return out.dump() + "\n";
}

SpeculationKnowledge parse_knowledge(const std::string& text) {
  SpeculationKnowledge known;
  try {
    const Json json = Json::parse(text, "speculation cache");
    read_curve(json.at("verify_s"), known.times.verify), read_curve(json.at("draft_s"), known.times.draft);
    for (const Json& id : json.at("draft_ids").as_array())
      if (const double value = id.as_number(); value >= 0 && value < kMostIds)
        known.draft_ids.push_back(static_cast<Token>(value));
  } catch (const Error&) {
    return {};
  }
  return known;
}

SpeculationKnowledge load_knowledge(const Session& session) {
  const fs::path path = file_of(session);
  std::error_code error;
  if (path.empty() || !fs::is_regular_file(path, error) || fs::file_size(path, error) > kLargestFile) return {};
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return parse_knowledge(text.str());
}

// Written beside and renamed, so that a reader never sees half of it.
void save_knowledge(const Session& session, const SpeculationKnowledge& knowledge) {
  const fs::path path = file_of(session);
  if (path.empty()) return;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path fresh = path.string() + cat(".", ::getpid());
  std::ofstream file(fresh, std::ios::binary);
  file << knowledge_text(knowledge) << std::flush;
  if (file) fs::rename(fresh, path, error);
  if (!file || error) fs::remove(fresh, error);
}

}  // namespace paceline
