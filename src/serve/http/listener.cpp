#include "serve/http/listener.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <tuple>

#include "base/error.h"
#include "serve/http/connection.h"

namespace paceline::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

// Many systems give a program 1,024 descriptors until it asks for more. How many connections there can be of those wanted.
int allow_connections(int wanted) {
  constexpr rlim_t kOthers = 64;  // files, and what the system's libraries open
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t needed = static_cast<rlim_t>(wanted) + kOthers;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) std::ignore = ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  const rlim_t room = limit.rlim_cur > 2 * kOthers ? limit.rlim_cur - kOthers : limit.rlim_cur / 2;
  return static_cast<int>(std::min(room, static_cast<rlim_t>(wanted)));
}

}  // namespace

struct Listener::Parts {
  std::shared_ptr<Hall> hall = std::make_shared<Hall>();
  tcp::acceptor acceptor{hall->context};
  asio::steady_timer pause{hall->context};
  asio::signal_set signals{hall->context, SIGINT, SIGTERM};
  std::function<void()> on_stop;

  void listen() {
    const ListenerOptions& options = hall->options;
    boost::system::error_code error;
    const std::string host = options.host == "localhost" ? "127.0.0.1" : options.host;
    const auto address = asio::ip::make_address(host, error);
    if (error) fail("--host ", options.host, " is no address, expected one such as 127.0.0.1, 0.0.0.0 or ::1");
    const tcp::endpoint endpoint(address, static_cast<unsigned short>(options.port));
    std::ignore = acceptor.open(endpoint.protocol(), error);
    if (!error) std::ignore = acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) std::ignore = acceptor.bind(endpoint, error);
    if (!error) std::ignore = acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error)
      fail("cannot listen on ", options.host, ":", options.port, ": ", error.message(),
           "; --port N chooses another port");
  }

  void accept() {
    acceptor.async_accept([this](auto error, tcp::socket socket) {
      if (hall->stopping) return;
      if (error) return accept_later();  // out of descriptors, most likely
      if (static_cast<int>(hall->connections.size()) < hall->options.connections) {
        const auto connection = std::make_shared<Connection>(*hall, std::move(socket));
        hall->connections.insert(connection);
        hall->open_connections = static_cast<int>(hall->connections.size());
        connection->start();
      }
      accept();
    });
  }

  void accept_later() {
    pause.expires_after(std::chrono::milliseconds(50));
    pause.async_wait([this](auto) {
      if (!hall->stopping) accept();
    });
  }

  void wait_for_signal() {
    signals.async_wait([this](auto error, int) {
      if (!error) stop();
    });
  }

  void close_all() {
    hall->on_empty = nullptr;
    const auto connections = hall->connections;
    for (const auto& connection : connections) connection->close();
  }

  // The first time politely, the second time at once.
  void stop() {
    if (hall->stopping) return hall->context.stop();
    hall->stopping = true;
    boost::system::error_code ignored;
    std::ignore = acceptor.close(ignored);
    if (on_stop) on_stop();
    wait_for_signal();
    hall->on_empty = [this] { hall->context.stop(); };
    const auto connections = hall->connections;
    for (const auto& connection : connections) connection->drain();
    if (hall->connections.empty()) hall->context.stop();
    pause.expires_after(std::chrono::seconds(hall->options.drain_seconds));
    pause.async_wait([this](auto error) {
      if (!error) hall->context.stop();
    });
  }
};

Listener::Listener(const ListenerOptions& options, Handler handler) : parts_(std::make_unique<Parts>()) {
  parts_->hall->self = parts_->hall;
  parts_->hall->options = options;
  parts_->hall->options.connections = allow_connections(options.connections);
  parts_->hall->handler = std::move(handler);
  parts_->listen();
}

Listener::~Listener() {
  parts_->close_all();
  parts_->hall->handler = nullptr;
}

int Listener::port() const { return parts_->acceptor.local_endpoint().port(); }

void Listener::run(const std::function<void()>& on_stop) {
  parts_->on_stop = on_stop;
  parts_->accept();
  parts_->wait_for_signal();
  parts_->hall->context.run();
  parts_->close_all();
}

void Listener::stop() {
  asio::post(parts_->hall->context, [this] { parts_->stop(); });
}

int Listener::open_connections() const { return parts_->hall->open_connections; }

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

}  // namespace paceline::http
