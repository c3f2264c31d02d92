#pragma once
#include <optional>
#include <string>

namespace paceline {

// By which other machines reach this one: the first IPv4 address that is not the loopback's, if there is one.
std::optional<std::string> network_address();

}  // namespace paceline
