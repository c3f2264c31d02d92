#include "serve/http/client.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "base/error.h"

namespace paceline::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

asio::ip::tcp::socket open(asio::io_context& context, const Url& url, int silence_seconds) {
  error_code error;
  asio::ip::tcp::resolver resolver(context);
  const auto places = resolver.resolve(url.host, url.port, error);
  if (error) fail("cannot find ", url.name(), ": ", error.message());
  asio::ip::tcp::socket socket(context);
  asio::connect(socket, places, error);
  if (error) fail("cannot connect to ", url.name(), ": ", error.message());
  const timeval silence{silence_seconds, 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
  return socket;
}

class Lines {
 public:
  explicit Lines(const std::function<void(std::string_view)>& on_line) : on_line_(on_line) {}

  void push(std::string_view bytes) {
    text_ += bytes;
    size_t start = 0;
    for (size_t end; (end = text_.find('\n', start)) != std::string::npos; start = end + 1) give(start, end);
    text_.erase(0, start);
    if (text_.size() > kLongestLine) fail("the server sent a line of more than ", kLongestLine, " bytes");
  }
  void finish() {
    if (!text_.empty()) give(0, text_.size());
  }

 private:
  void give(size_t start, size_t end) {
    std::string_view line = std::string_view(text_).substr(start, end - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    on_line_(line);
  }

  const std::function<void(std::string_view)>& on_line_;
  std::string text_;
};

}  // namespace

std::string Url::name() const {
  return cat(host.find(':') != std::string::npos ? cat("[", host, "]") : host, ":", port);
}

Url parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  const auto refuse = [&] { fail("\"", text, "\" is no address, expected http://HOST[:PORT][/PATH]"); };
  if (!text.starts_with(kScheme)) refuse();
  std::string_view rest = text.substr(kScheme.size());
  Url url{"", "80", ""};
  const size_t slash = std::min(rest.find('/'), rest.size());
  url.path = rest.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  rest = rest.substr(0, slash);
  const size_t bracket = rest.find(']');
  const bool is_v6 = rest.starts_with('[') && bracket != std::string_view::npos;
  const size_t colon = rest.find(':', is_v6 ? bracket : 0);
  url.host = is_v6 ? rest.substr(1, bracket - 1) : rest.substr(0, colon);
  if (colon != std::string_view::npos) url.port = rest.substr(colon + 1);
  const bool odd = text.find_first_of(" \t\r\n@?#") != std::string_view::npos;
  if (odd || url.host.empty() || url.port.empty() || url.port.find_first_not_of("0123456789") != std::string::npos ||
      url.port.size() > 5)
    refuse();
  return url;
}

void exchange_lines(const Url& url, const ClientRequest& request,
                    const std::function<void(std::string_view)>& on_line) {
  asio::io_context context;
  asio::ip::tcp::socket socket = open(context, url, request.silence_seconds);
  beast::http::request<beast::http::string_body> out(beast::http::string_to_verb(request.method),
                                                     url.path + request.path, 11, request.body);
  out.set(beast::http::field::host, url.name());
  out.set(beast::http::field::connection, "close");
  if (!request.body.empty()) out.set(beast::http::field::content_type, "application/json");
  if (!request.api_key.empty()) out.set(beast::http::field::authorization, "Bearer " + request.api_key);
  out.prepare_payload();
  error_code error;
  beast::http::write(socket, out, error);
  if (error) fail("cannot write to ", url.name(), ": ", error.message());

  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::buffer_body> parser;
  parser.body_limit(kMostBytes);
  beast::http::read_header(socket, buffer, parser, error);
  if (error) fail(url.name(), " did not answer: ", error.message());
  const bool good = parser.get().result() == beast::http::status::ok;
  std::string complaint;
  Lines lines(on_line);
  char block[1 << 14];
  while (!parser.is_done()) {
    parser.get().body().data = block;
    parser.get().body().size = sizeof block;
    beast::http::read_some(socket, buffer, parser, error);
    if (error == beast::http::error::need_buffer) error = {};
    if (error) fail(url.name(), " broke off its answer: ", error.message());
    const std::string_view got(block, sizeof block - parser.get().body().size);
    if (good) lines.push(got);
    else if (complaint.size() < 400) complaint += got.substr(0, 400 - complaint.size());
  }
  if (!good) fail(url.name(), request.path, " answers ", parser.get().result_int(), ": ", complaint);
  lines.finish();
}

}  // namespace paceline::http
