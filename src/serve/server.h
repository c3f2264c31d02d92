#pragma once
// The server: routes, keys, log lines, and the life of the process from the first connection to a polite end.
#include <functional>
#include <string>

#include "serve/http/listener.h"
#include "serve/service.h"

namespace paceline {

struct ServerOptions {
  http::ListenerOptions listener;
  std::vector<std::string> api_keys;  // empty: whoever can connect may ask
  std::function<void(const std::string&)> log;  // one line, no prompt text
};

class Server {
 public:
  // Listens at once. The service outlives the server.
  Server(Service& service, ServerOptions options);
  ~Server();
  int port() const { return listener_.port(); }
  // Until SIGINT or SIGTERM.
  void run();

 private:
  void take(http::Request request, std::shared_ptr<http::Exchange> exchange);
  void metrics_page(const std::shared_ptr<http::Exchange>& exchange);
  bool is_allowed(const http::Request& request) const;

  Service& service_;
  ServerOptions options_;
  http::Listener listener_;
};

}  // namespace paceline
