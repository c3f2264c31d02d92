#include "serve/page.h"

#include "base/random.h"
#include "base/strings.h"
#include "serve/ollama.h"

// The files whose names the build gives, as they are.
asm(R"(
  .section .rodata
  .balign 8
  .global paceline_page_begin, paceline_page_end, paceline_page_policy_begin, paceline_page_policy_end
paceline_page_begin:
  .incbin ")" PACELINE_PAGE_FILE R"("
paceline_page_end:
paceline_page_policy_begin:
  .incbin ")" PACELINE_PAGE_POLICY_FILE R"("
paceline_page_policy_end:
  .previous
)");

extern "C" {
extern const char paceline_page_begin[], paceline_page_end[], paceline_page_policy_begin[], paceline_page_policy_end[];
}

namespace paceline::page {

namespace {

// The plain page lies there as it is.
constexpr std::string_view kCoding = PACELINE_PAGE_CODING;

std::string_view page_bytes() { return {paceline_page_begin, paceline_page_end}; }

// Content-Security-Policy: what stands in the page itself by its hash, requests to this server only.
std::string_view policy() {
  std::string_view text(paceline_page_policy_begin, paceline_page_policy_end);
  while (text.ends_with('\n')) text.remove_suffix(1);
  return text;
}

// Changes when the page does; browsers ask with it whether theirs is still the same.
const std::string& entity_tag() {
  static const std::string tag = [] {
    uint64_t hash = 0;
    for (const char byte : page_bytes()) hash = mix64(hash ^ static_cast<unsigned char>(byte));
    return cat("\"", hash, "\"");
  }();
  return tag;
}

bool accepts(std::string_view header, std::string_view what) { return header.find(what) != std::string_view::npos; }

http::Headers page_headers() {
  return {{"Content-Security-Policy", std::string(policy())},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"},
          {"Cross-Origin-Opener-Policy", "same-origin"},
          {"Cache-Control", "no-cache"},
          {"Vary", "Accept, Accept-Encoding"},
          {"ETag", entity_tag()}};
}

}  // namespace

bool is_built() { return !kCoding.empty(); }

void root(Service& service, const http::Request& request, const std::shared_ptr<http::Exchange>& exchange) {
  if (!accepts(request.header("accept"), "text/html")) return ollama::greeting(service, request, exchange);
  http::Response response{.content_type = "text/html; charset=utf-8", .headers = page_headers()};
  if (accepts(request.header("if-none-match"), entity_tag())) {
    response.status = 304;
    return exchange->respond(std::move(response));
  }
  if (!kCoding.empty()) {
    if (const auto coding = request.header("accept-encoding"); !coding.empty() && !accepts(coding, kCoding))
      return exchange->respond({.status = 406,
                                .content_type = "text/plain; charset=utf-8",
                                .body = "The page is kept in gzip, which this client does not accept.\n"});
    response.headers.emplace_back("Content-Encoding", kCoding);
  }
  response.body = page_bytes();
  exchange->respond(std::move(response));
}

}  // namespace paceline::page
