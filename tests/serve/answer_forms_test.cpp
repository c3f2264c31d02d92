// Forms in front of a real engine: the same tokens and bits with and without drafts, in company, from the cache; forms that are kept,
// dropped, refused.
#include "serve/answer_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>

#include "engine/engine.h"
#include "support/hash_bits.h"
#include "text/output_parser.h"

namespace paceline {
namespace {

using constrain::AnswerForm;
using constrain::CompiledConstraint;

EngineOptions four_slots() {
  EngineOptions options;
  options.slots = 4;
  options.context = 1024;
  return options;
}

struct Demo {
  GgufFile file = GgufFile::open(PACELINE_TEST_DATA "/../models/paceline-demo.gguf");
  std::unique_ptr<Tokenizer> tokenizer = Tokenizer::load(file);
  std::unique_ptr<Device> device = open_device({.kind = "cpu", .threads = 2, .isa = ""});
  std::unique_ptr<Model> model =
      load_model(file, *device, {.max_batch_rows = Engine::model_rows(four_slots()), .on_progress = {}});
};

Demo& demo() {
  static Demo loaded;
  return loaded;
}

AnswerForm schema_form(const std::string& schema) {
  AnswerForm form;
  form.content = AnswerForm::Content::JsonSchema;
  form.content_field = "schema";
  form.schema = Json::parse(schema);
  return form;
}

AnswerForm call_form() {
  AnswerForm form;
  form.calls = AnswerForm::Calls::Required;
  form.call_style = CallStyle::Xml;
  form.tool_definitions =
      Json::parse(R"([{"type": "function", "function": {"name": "note", "parameters": {"type": "object",
    "properties": {"text": {"type": "string", "maxLength": 25}, "n": {"type": "array", "items": {"type": "integer"},
    "maxItems": 3}}, "required": ["text"]}}}])");
  form.tools = {{"note", "tools[0]"}};
  form.several_calls = false;
  return form;
}

std::vector<AnswerForm> forms() {
  std::vector<AnswerForm> all = {
      schema_form(
          R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "tags": {"type": "array",
        "items": {"enum": ["fast", "slow", "red"]}, "maxItems": 3}, "age": {"type": "integer", "minimum": 1, "maximum": 99}},
        "required": ["name", "age"], "additionalProperties": false})"),
      call_form()};
  all.push_back(all[0]);
  all[2].after_thought = true;
  all.emplace_back().content = AnswerForm::Content::Gbnf;
  all[3].gbnf = "root ::= (\"- \" [^\\n]{3,20} \"\\n\"){2,3}";
  return all;
}

std::shared_ptr<CompiledConstraint> compiled(AnswerForms& forms, const AnswerForm& form) {
  std::promise<std::shared_ptr<CompiledConstraint>> promise;
  EXPECT_TRUE(forms.compile(form, [&](const std::shared_ptr<CompiledConstraint>& made, const std::string& error) {
    EXPECT_EQ(error, "");
    promise.set_value(made);
  }));
  return promise.get_future().get();
}

std::string error_of(AnswerForms& forms, const AnswerForm& form) {
  std::promise<std::string> promise;
  EXPECT_TRUE(forms.compile(form, [&](const std::shared_ptr<CompiledConstraint>& made, const std::string& error) {
    EXPECT_EQ(made, nullptr);
    promise.set_value(error);
  }));
  return promise.get_future().get();
}

struct Received {
  std::vector<Token> tokens;
  std::map<int, uint64_t> bits;  // by position
  FinishReason reason = FinishReason::Error;
  std::string message;
  int accepted = 0;
};

// An engine that notes the logits each token was chosen from.
struct Bench {
  std::map<uint64_t, std::map<int, uint64_t>> bits;
  std::mutex mutex;
  Engine engine{*demo().device, *demo().model, options()};

  EngineOptions options() {
    EngineOptions made = four_slots();
    made.on_logits = [this](uint64_t request, int position, std::span<const float> row) {
      const std::lock_guard lock(mutex);
      bits[request][position] = test::hash_bits(row);
    };
    return made;
  }

  RequestHandle ask(const std::shared_ptr<CompiledConstraint>& constraint, int drafts, uint64_t seed,
                    bool reuse = false) {
    const auto ends = demo().tokenizer->end_tokens();
    Request request;
    request.prompt = demo().tokenizer->encode(
        "<|im_start|>user\nA rider is a cyclist in a race. Describe a rider and the race, please, in a few "
        "words.<|im_end|>\n<|im_start|>assistant\n",
        true);
    request.sampling.temperature = seed % 2 == 0 ? 0.0f : 1.0f;
    request.sampling.seed = seed;
    request.max_tokens = 120;
    request.stop_tokens.assign(ends.begin(), ends.end());
    request.drafts = drafts;
    request.reuse_prefix = reuse;
    if (constraint) request.constraint = make_token_constraint(constraint);
    return *engine.submit(std::move(request));
  }

  Received receive(RequestHandle handle) {
    Received out;
    while (true) {
      const Event event = handle.next();
      if (event.kind == Event::Kind::NewToken)
        out.tokens.push_back(event.token), out.accepted += event.from_draft ? 1 : 0;
      if (event.kind != Event::Kind::Finished) continue;
      out.reason = event.reason, out.message = event.message;
      break;
    }
    const std::lock_guard lock(mutex);
    for (const auto& [position, hash] : bits[handle.number()]) out.bits[position] = hash;
    return out;
  }
};

void expect_same(const Received& got, const Received& wanted, const std::string& what) {
  EXPECT_EQ(got.tokens, wanted.tokens) << what << "\n"
                                       << demo().tokenizer->decode(got.tokens, true) << "\n"
                                       << demo().tokenizer->decode(wanted.tokens, true);
  EXPECT_EQ(got.reason, wanted.reason) << what << got.message;
  for (size_t i = 0; i < wanted.tokens.size(); ++i) {
    const int position = wanted.bits.begin()->first + static_cast<int>(i);
    EXPECT_EQ(got.bits.at(position), wanted.bits.at(position)) << what << " at " << i;
  }
}

TEST(AnswerForms, DraftsCompanyAndCacheLeaveNoTrace) {
  int accepted = 0;
  for (const AnswerForm& form : forms()) {
    for (const uint64_t seed : {2u, 3u}) {
      AnswerForms fresh(*demo().tokenizer);
      const auto constraint = compiled(fresh, form);
      Bench bench;
      const Received plain = bench.receive(bench.ask(constraint, 0, seed));
      EXPECT_TRUE(form.after_thought || plain.reason == FinishReason::Stop) << plain.message;
      for (const int drafts : {1, 3, 6, kAutoDrafts}) {
        const Received drafted = bench.receive(bench.ask(constraint, drafts, seed));
        expect_same(drafted, plain, cat(drafts, " drafts"));
        accepted += drafted.accepted;
      }
      // With what the constraint has not learnt yet, beside others with and without one, each with drafts of its own.
      AnswerForms others(*demo().tokenizer);
      const auto cold = compiled(others, form), other = compiled(others, forms()[1]);
      std::vector<RequestHandle> company;
      company.push_back(bench.ask(other, 2, 5));
      company.push_back(bench.ask(cold, 3, seed));
      company.push_back(bench.ask(nullptr, kAutoDrafts, 7));
      company.push_back(bench.ask(cold, 6, seed + 2));
      company.push_back(bench.ask(cold, 0, seed));
      std::vector<Received> together;
      for (RequestHandle& handle : company) together.push_back(bench.receive(std::move(handle)));
      expect_same(together[1], plain, "in company");
      expect_same(together[4], plain, "in company, without drafts");
      for (int round = 0; round < 2; ++round) {
        const Received cached = bench.receive(bench.ask(constraint, 4, seed, true));
        expect_same(cached, plain, "from the cache");
      }
      EXPECT_GT(bench.engine.stats().cache_hits, 0u);
    }
  }
  EXPECT_GT(accepted, 50);
}

TEST(AnswerForms, AreKeptAndDropped) {
  AnswerForms forms(*demo().tokenizer, {.kept = 3});
  std::vector<AnswerForm> all;
  for (int i = 0; i < 5; ++i) all.push_back(schema_form(cat(R"({"const": )", i, "}")));
  EXPECT_EQ(forms.find(all[0]), nullptr);
  const auto first = compiled(forms, all[0]);
  EXPECT_EQ(forms.find(all[0]), first);
  EXPECT_EQ(compiled(forms, all[0]), first);
  compiled(forms, all[1]), compiled(forms, all[2]);
  EXPECT_EQ(forms.find(all[0]), first);  // used just now: the second is the oldest
  compiled(forms, all[3]);
  EXPECT_EQ(forms.kept(), 3u);
  EXPECT_EQ(forms.find(all[1]), nullptr);
  EXPECT_EQ(forms.find(all[0]), first);

  AnswerForms small(*demo().tokenizer, {.kept_bytes = 1});
  compiled(small, all[0]), compiled(small, all[1]);
  EXPECT_EQ(small.kept(), 1u);
  EXPECT_NE(small.find(all[1]), nullptr);
}

TEST(AnswerForms, RefusalsAndCrowds) {
  AnswerForms forms(*demo().tokenizer, {.waiting = 2});
  EXPECT_EQ(error_of(forms, schema_form(R"({"if": true})")),
            "schema: schema: #/if: is not supported in constrained output");
  std::string ambiguous = "root ::= ";
  for (int i = 0; i < 5000; ++i) ambiguous += ".? ";
  AnswerForm form;
  form.content = AnswerForm::Content::Gbnf;
  form.content_field = "grammar";
  form.gbnf = ambiguous;
  EXPECT_THAT(error_of(forms, form), ::testing::StartsWith("grammar: the grammar is too ambiguous"));
  EXPECT_EQ(forms.kept(), 0u);

  // While one is being handed over two may wait, a third may not.
  std::promise<void> begun, go, done;
  EXPECT_TRUE(forms.compile(schema_form("{}"), [&](const auto&, const std::string&) {
    begun.set_value();
    go.get_future().wait();
  }));
  begun.get_future().wait();
  EXPECT_TRUE(forms.compile(schema_form(R"({"type": "null"})"), [](const auto&, const std::string&) {}));
  EXPECT_TRUE(
      forms.compile(schema_form(R"({"type": "null"})"), [&](const auto&, const std::string&) { done.set_value(); }));
  EXPECT_FALSE(forms.compile(schema_form("{}"), [](const auto&, const std::string&) {}));
  go.set_value();
  done.get_future().wait();
  EXPECT_TRUE(compiled(forms, schema_form("{}")));
}

}  // namespace
}  // namespace paceline
