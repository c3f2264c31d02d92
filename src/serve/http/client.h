#pragma once
// One request to another server, its answer read line by line as it comes: what `paceline bench --server` needs of HTTP. http:// only.
#include <functional>
#include <string>
#include <string_view>

namespace paceline::http {

struct Url {
  std::string host, port, path;  // path: without a slash at the end, "" for none
  std::string name() const;  // "host:port", an IPv6 address in brackets
};

// "http://host[:port][/path]". Throws Error for anything else.
Url parse_url(std::string_view text);

struct ClientRequest {
  std::string method = "GET", path;  // appended to the URL's
  std::string body;  // JSON; "" for none
  std::string api_key;  // "": none
  int silence_seconds = 300;  // the server may keep quiet for so long
};

// on_line gets each line without its end; longer ones than kLongestLine, and answers longer than kMostBytes, are errors. Throws Error for a
// server that cannot be reached or breaks off, and for a status other than 200, with the beginning of the answer.
void exchange_lines(const Url& url, const ClientRequest& request, const std::function<void(std::string_view)>& on_line);

inline constexpr size_t kLongestLine = size_t{4} << 20, kMostBytes = size_t{256} << 20;

}  // namespace paceline::http
