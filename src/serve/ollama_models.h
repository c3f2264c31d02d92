#pragma once
// The model that is served, as Ollama's clients want to see it. Internal to Ollama's endpoints, which are in ollama.h.
#include <ctime>

#include "serve/fields.h"
#include "serve/service.h"

namespace paceline::ollama {

std::string timestamp(std::time_t time = std::time(nullptr));

// A name with or without :latest is accepted, another one is ApiError 404. Some clients send an empty model beside a name.
void check_model(const Fields& fields, const Service& service);

}  // namespace paceline::ollama
