// Clients that dawdle, on a real socket: what a second's patience cuts off, and that others do not wait for it.
#include "serve/http/listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace paceline {
namespace {

using std::chrono::milliseconds;

class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET, address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool send(std::string_view text) const { return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) > 0; }
  // Until the other side closes.
  std::string read_all() const {
    std::string out;
    char buffer[4096];
    ssize_t count;
    while ((count = ::recv(socket_, buffer, sizeof buffer, 0)) > 0) out.append(buffer, static_cast<size_t>(count));
    return out;
  }
  bool is_closed() const {
    pollfd entry{.fd = socket_, .events = POLLIN, .revents = 0};
    char byte;
    return ::poll(&entry, 1, 0) > 0 && ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
  }
  // One byte now and then, until the other side has had enough; false if it never has.
  bool drip(char byte) const {
    for (int i = 0; i < 300 && !is_closed(); ++i) {
      if (!send(std::string_view(&byte, 1))) return true;
      std::this_thread::sleep_for(milliseconds(50));
    }
    return is_closed();
  }

 private:
  int socket_;
};

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() : port_(listener_.port()), thread_([this] { listener_.run([] {}); }) {}
  ~ListenerTest() override {
    listener_.stop();
    thread_.join();
  }
  static http::ListenerOptions options() {
    return {.port = 0, .connections = 3, .read_seconds = 1, .idle_seconds = 1, .write_seconds = 1, .drain_seconds = 1};
  }
  int port() const { return port_; }
  std::string ask() const {
    const Client client(port());
    client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    return client.read_all();
  }
  void wait_for_connections(int count) const {
    for (int i = 0; i < 2000 && listener_.open_connections() != count; ++i)
      std::this_thread::sleep_for(milliseconds(5));
    EXPECT_EQ(listener_.open_connections(), count);
  }

  std::atomic<size_t> answer_bytes_ = 3;
  http::Listener listener_{options(), [this](const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
                             exchange->respond({.body = std::string(answer_bytes_, 'x')});
                           }};
  int port_;
  std::thread thread_;
};

TEST_F(ListenerTest, CutsOffHeadersThatDrip) {
  const Client slow(port());
  slow.send("GET / HTTP/1.1\r\nX: ");
  EXPECT_TRUE(ask().ends_with("\r\n\r\nxxx"));
  EXPECT_TRUE(slow.drip('a'));
  EXPECT_TRUE(ask().ends_with("\r\n\r\nxxx"));
}

TEST_F(ListenerTest, CutsOffABodyThatDrips) {
  const Client slow(port());
  slow.send("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
  EXPECT_TRUE(ask().ends_with("\r\n\r\nxxx"));
  EXPECT_TRUE(slow.drip('a'));
}

TEST_F(ListenerTest, CutsOffSilence) {
  const Client silent(port());
  EXPECT_EQ(silent.read_all(), "");
  const Client after_one(port());
  after_one.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(after_one.read_all().ends_with("\r\n\r\nxxx"));
}

TEST_F(ListenerTest, CutsOffAReaderThatDoesNotRead) {
  answer_bytes_ = size_t{64} << 20;
  const Client lazy(port());
  lazy.send("GET / HTTP/1.1\r\n\r\n");
  wait_for_connections(1);
  wait_for_connections(0);
}

TEST_F(ListenerTest, HasSoManyConnectionsAndNoMore) {
  const Client first(port()), second(port()), third(port());
  wait_for_connections(3);
  const Client fourth(port());
  EXPECT_EQ(fourth.read_all(), "");
  first.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(first.read_all().ends_with("\r\n\r\nxxx"));
}

}  // namespace
}  // namespace paceline
