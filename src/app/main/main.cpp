// Signals, streams and exit status: 0 done, 1 the world is wrong, 2 the command line is wrong. A reader that goes away ends us quietly
// through SIGPIPE, as any filter.
#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <string>
#include <vector>

#include "app/commands.h"
#include "app/console.h"
#include "base/error.h"

namespace {

// With a standard stream closed, the first file we open would take its place and be written to. A read-only /dev/null keeps it, and
// writes to it fail as they should.
void occupy_standard_streams() {
  for (int descriptor = 0; descriptor < 3; ++descriptor)
    if (::fcntl(descriptor, F_GETFD) < 0 && ::open("/dev/null", O_RDONLY) < 0) ::_exit(1);
}

}  // namespace

int main(int count, char** words) {
  occupy_standard_streams();
  try {
    return paceline::run_paceline(std::vector<std::string>(words + 1, words + count));
  } catch (const paceline::UsageError& error) {
    paceline::say(error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    paceline::say("out of memory");
    return 1;
  } catch (const std::exception& error) {
    paceline::say(error.what());
    return 1;
  }
}
