#include "text/constrain/answer_grammar.h"

#include "base/error.h"
#include "text/constrain/call_grammar.h"
#include "text/constrain/gbnf.h"
#include "text/constrain/schema_compiler.h"
#include "text/constrain/work_budget.h"

namespace paceline::constrain {

namespace {

using Node = GrammarBuilder::Node;

constexpr uint64_t kMostWork = 30'000'000;  // 2 s on a core of a Zen 4, patterns being the dearest

class AnswerCompiler {
 public:
  AnswerCompiler(const AnswerForm& form, const GrammarLimits& limits)
      : form_(form), builder_(limits), spelling_(builder_) {}

  Grammar compile() {
    const GrammarBuilder::Rule root = builder_.declare("answer");
    std::vector<Node> ways;
    if (form_.content != AnswerForm::Content::Text) add_content(ways);
    if (form_.calls != AnswerForm::Calls::None) add_calls(ways);
    Node answer = builder_.any_of(std::move(ways));
    if (form_.after_thought) answer = builder_.sequence({thought(), answer});
    builder_.define(root, answer);
    return build(root);
  }

 private:
  // Errors of the pieces say which field of the request they speak of.
  template <class Make>
  static auto of_field(const std::string& field, Make make) {
    try {
      return make();
    } catch (const Error& error) {
      fail(field, ": ", error.what());
    }
  }

  Grammar build(GrammarBuilder::Rule root) {
    if (form_.content == AnswerForm::Content::Text) return builder_.build(root);
    return of_field(form_.content_field, [&] { return builder_.build(root); });
  }

  Node free_text(std::vector<std::string> without) { return spelling_.as_it_is(TextLanguage::without_any_of(without)); }

  // The model's own line breaks after the block are not the answer's.
  Node thought() {
    return builder_.sequence(
        {free_text({"</think>"}), builder_.text("</think>"), builder_.repeat(builder_.text("\n"), 0, 2)});
  }

  void add_content(std::vector<Node>& ways) {
    of_field(form_.content_field, [&] {
      if (form_.content == AnswerForm::Content::Gbnf) {
        ways.push_back(builder_.reference(add_gbnf(form_.gbnf, builder_)));
        return;
      }
      static const Json any_object = Json::parse(R"({"type": "object"})");
      content_.emplace(form_.content == AnswerForm::Content::JsonObject ? any_object : form_.schema, builder_,
                       spelling_, Objects::Closed);
      ways.push_back(builder_.reference(content_->root()));
      content_->define_rules();
    });
  }

  const Json* parameters_of(const std::string& tool) const {
    for (const Json& definition : form_.tool_definitions.as_array()) {
      const Json& function = definition.at("function");
      if (function.at("name").as_string() != tool) continue;
      const Json* parameters = function.find("parameters");
      return parameters == nullptr || parameters->is_null() ? nullptr : parameters;
    }
    fail("there is no tool ", tool);
  }

  void add_calls(std::vector<Node>& ways) {
    CallGrammar grammar(builder_, form_.call_style, form_.tool_definitions);
    std::vector<Node> calls;
    for (const AnswerForm::Tool& tool : form_.tools)
      calls.push_back(of_field(tool.field, [&] { return grammar.call(tool.name, parameters_of(tool.name)); }));
    const GrammarBuilder::Rule rule = builder_.declare("call");
    builder_.define(rule, builder_.any_of(std::move(calls)));
    const Node call = builder_.reference(rule), later = builder_.sequence({builder_.text("\n"), call});
    const uint32_t more = form_.several_calls ? AnswerForm::kMostCalls - 1 : 0;
    const Node all = builder_.sequence({call, builder_.repeat(later, 0, more)});
    const bool alone = form_.calls == AnswerForm::Calls::Required || form_.content != AnswerForm::Content::Text;
    if (alone) ways.push_back(all);
    else ways.push_back(builder_.sequence({free_text({"<tool_call>", "<function="}), builder_.repeat(all, 0, 1)}));
  }

  const AnswerForm& form_;
  GrammarBuilder builder_;
  JsonSpelling spelling_;
  std::optional<SchemaCompiler> content_;
};

}  // namespace

std::string AnswerForm::key() const {
  Json names = Json::array(), all = Json::array();
  for (const Tool& tool : tools) names.push_back(tool.name);
  all.push_back(after_thought), all.push_back(static_cast<int>(content)), all.push_back(schema), all.push_back(gbnf);
  all.push_back(static_cast<int>(calls)), all.push_back(static_cast<int>(call_style)), all.push_back(several_calls);
  all.push_back(std::move(names));
  if (calls != Calls::None) all.push_back(tool_definitions);
  return all.dump();
}

Grammar compile_answer(const AnswerForm& form, const GrammarLimits& limits) {
  PACELINE_ASSERT(!form.is_free());
  const WorkBudget budget(kMostWork);
  return AnswerCompiler(form, limits).compile();
}

}  // namespace paceline::constrain
