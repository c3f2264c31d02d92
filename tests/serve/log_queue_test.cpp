#include "serve/log_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "base/strings.h"

namespace paceline {
namespace {

TEST(LogQueue, WritesInOrderAndAllOfItBeforeItEnds) {
  std::vector<std::string> written;
  {
    LogQueue log([&](const std::string& line) { written.push_back(line); });
    for (int i = 0; i < 1000; ++i) log.add(cat(i));
  }
  ASSERT_EQ(written.size(), 1000u);
  for (size_t i = 0; i < written.size(); ++i) EXPECT_EQ(written[i], cat(i));
}

TEST(LogQueue, NeverWaitsForItsWriter) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::vector<std::string> written;
  {
    LogQueue log([&](const std::string& line) {
      released.wait();
      written.push_back(line);
    });
    for (size_t i = 0; i < LogQueue::kMostLines + 100; ++i) log.add(cat(i));
    release.set_value();
  }
  // The writer may have held one line already.
  ASSERT_GE(written.size(), LogQueue::kMostLines + 1);
  EXPECT_LE(written.size(), LogQueue::kMostLines + 2);
  EXPECT_NE(written.back().find("log lines were lost"), std::string::npos);
}

}  // namespace
}  // namespace paceline
