#pragma once
// Where an edited text stands on the screen: its rows at a given width, the cursor's cell, and the part that fits when the text has more
// rows than the screen. Pure.
#include <string>
#include <string_view>
#include <vector>

namespace paceline {

struct EditLayout {
  std::vector<std::string> rows;  // as sent to the terminal, prompts included, none wider than the screen
  int cursor_row = 0, cursor_column = 0;

  int rows_below_cursor() const { return rows.empty() ? 0 : static_cast<int>(rows.size()) - 1 - cursor_row; }

  // Drops rows above and below until at most `height` are left, the cursor's among them.
  void fit(int height);
};

// Lines after the first begin with `continuation`. Columns below 4 count as 4.
EditLayout lay_out(std::string_view prompt, std::string_view continuation, std::string_view text, size_t cursor,
                   int columns);

}  // namespace paceline
