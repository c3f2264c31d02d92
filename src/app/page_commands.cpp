// paceline completion and paceline man: pages for shells and for man, from the same tables as --help.
#include "app/commands.h"
#include "app/console.h"
#include "app/man_page.h"
#include "app/shell_completion.h"
#include "base/error.h"

namespace paceline {

int run_completion(const Arguments& arguments) {
  if (arguments.positional().empty()) throw UsageError("expected a shell: bash, zsh or fish");
  write_output(completion_script(arguments.positional()[0]));
  return 0;
}

int run_man(const Arguments&) {
  write_output(man_page(PACELINE_VERSION));
  return 0;
}

}  // namespace paceline
