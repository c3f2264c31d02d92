#pragma once
// Turns what the user gave with -m into a file: a path, or repo or repo:quant in the Hugging Face cache
// (HUB/models--ORG--NAME/snapshots/COMMIT/*.gguf, refs/main names the commit). Nothing is downloaded.
#include <string>
#include <string_view>
#include <vector>

namespace paceline {

// Throws Error saying how to get a model that is not there.
std::string find_model_file(const std::string& name);

// The demonstration model that comes with the program: beside the executable (../models, ../share/paceline/models) or in the folder it was
// built from. Throws Error when it is in none of them.
std::string default_model_file();
// Where a folder of the checkout (models, bench/suites) may be: beside the program, installed, in the sources.
std::vector<std::string> shared_folders(const std::string& name);

// HF_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub.
std::string hugging_face_cache();

// The one of `files` (names without folder) that `quant` ("" for the usual) means: draft heads, vision parts and later parts of split
// files do not count; without a wish, Q4_K_M, else the only one. Throws Error listing the candidates when that is not one file.
std::string choose_model_file(const std::string& repo, std::string_view quant, std::vector<std::string> files);

}  // namespace paceline
