#include "app/terminal/edit_layout.h"

#include <algorithm>

#include "app/terminal/text_width.h"

namespace paceline {

EditLayout lay_out(std::string_view prompt, std::string_view continuation, std::string_view text, size_t cursor,
                   int columns) {
  columns = std::max(columns, 4);
  EditLayout layout;
  layout.rows.emplace_back(prompt);
  int column = text_width(prompt);
  for (size_t at = 0;;) {
    const size_t end = next_character(text, at);
    const std::string_view character = text.substr(at, end - at);
    const bool is_newline = character == "\n" || character == "\r\n";
    const int width = at == text.size() || is_newline ? 1 : character_width(character);  // the cursor needs a cell too
    if (column + width > columns) layout.rows.emplace_back(), column = 0;
    if (at == cursor) layout.cursor_row = static_cast<int>(layout.rows.size()) - 1, layout.cursor_column = column;
    if (at == text.size()) return layout;
    if (is_newline) {
      layout.rows.emplace_back(continuation);
      column = text_width(continuation);
    } else {
      layout.rows.back() += shown_character(character);
      column += width;
    }
    at = end;
  }
}

void EditLayout::fit(int height) {
  const int count = static_cast<int>(rows.size());
  height = std::max(height, 1);
  if (count <= height) return;
  // The cursor's row is the last one shown, unless the text above it is shorter than the screen.
  const int first = std::clamp(cursor_row - height + 1, 0, count - height);
  rows.erase(rows.begin() + first + height, rows.end());
  rows.erase(rows.begin(), rows.begin() + first);
  cursor_row -= first;
}

}  // namespace paceline
