#pragma once
// JSON Schema (draft 2020-12, with the spellings of draft 7 and OpenAPI's `nullable`) as a Grammar of JSON texts. Every text of the
// grammar is valid; what could not be enforced exactly throws Error with the JSON pointer of the keyword. Words that JSON Schema does not
// know are remarks, unless they are a letter from one that it does, and so are formats.
// The grammar is narrower than the schema in how values are written: properties come in the order of the schema, each at most once
// (those that are not required may be left out), other properties behind them; space and spellings are those of json_spelling.h; whole
// numbers have no point or exponent, and numbers with bounds no exponent; values of enum and const are written compactly. A key that
// the schema does not name may come twice, with a valid value each time.
#include "base/json.h"
#include "text/constrain/grammar.h"

namespace paceline::constrain {

Grammar compile_json_schema(const Json& schema, const GrammarLimits& limits = {});

// Any JSON object, for response_format json_object.
Grammar any_json_object(const GrammarLimits& limits = {});

}  // namespace paceline::constrain
