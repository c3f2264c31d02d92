#include "tests/text/output_samples.h"

#include <fstream>
#include <random>
#include <sstream>

namespace paceline::testing {

namespace {

constexpr const char* kTools = R"json([
  {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
    "city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"},
    "limit": {"type": ["integer", "null"]}, "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}},
  {"name": "write_file", "parameters": {"type": "object", "properties": {
    "path": {"type": "string"}, "content": {"type": "string"}, "tags": {"type": "array"}}}}])json";

std::string xml_call(const std::string& name, const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string text = cat("<function=", name, ">\n");
  for (const auto& [key, value] : parameters) text += cat("<parameter=", key, ">\n", value, "\n</parameter>\n");
  return text + "</function>";
}

std::string wrapped(const std::string& body) { return cat("<tool_call>\n", body, "\n</tool_call>"); }

const std::string kJsonCall = R"({"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}})";
const char* const kJsonArguments = R"({"city": "Oslo", "days": 2})";

void add_answers(std::vector<OutputSample>& samples) {
  OutputFormat no_reasoning;
  no_reasoning.reasoning = false;
  const OutputFormat plain, tools = with_tools(false), thinking = with_tools(true);
  samples.push_back({"empty", "", plain, {}});
  samples.push_back(
      {"plain answer, byte for byte", "  Hello <b>world</b>!\n\n", plain, {answer("  Hello <b>world</b>!\n\n")}});
  samples.push_back({"only blank space", " \n", plain, {answer(" \n")}});
  samples.push_back(
      {"reasoning", "<think>\nHm.\n\nYes.\n</think>\n\nFine.", plain, {reasoning("Hm.\n\nYes."), answer("Fine.")}});
  samples.push_back(
      {"reasoning opened by the prompt", "Hm.\n</think>\n\nFine.\n", thinking, {reasoning("Hm."), answer("Fine.\n")}});
  samples.push_back({"opened by both", "<think>\nHm.</think>Fine.", thinking, {reasoning("Hm."), answer("Fine.")}});
  samples.push_back({"empty reasoning", "<think>\n\n</think>\n\nFine.", plain, {answer("Fine.")}});
  samples.push_back(
      {"reasoning that never ends", "Hm, <tool_call> or </thin", thinking, {reasoning("Hm, <tool_call> or </thin")}});
  samples.push_back({"a closing tag without a block", "\n</think>\n\nFine.", plain, {answer("Fine.")}});
  samples.push_back(
      {"tags in the answer", "Write <think> and </think>.", plain, {answer("Write <think> and </think>.")}});
  samples.push_back({"a second block", "<think>a</think>b<think>c", plain, {reasoning("a"), answer("b<think>c")}});
  samples.push_back({"calls are text without tools", wrapped(kJsonCall), plain, {answer(wrapped(kJsonCall))}});
  samples.push_back({"cut off in a tag", "See <tool_cal", tools, {answer("See <tool_cal")}});
  samples.push_back({"reasoning off", "<think>x</think>", no_reasoning, {answer("<think>x</think>")}});
}

void add_calls(std::vector<OutputSample>& samples) {
  const OutputFormat tools = with_tools(false), thinking = with_tools(true);
  samples.push_back({"JSON call", wrapped(kJsonCall), tools, {call("get_weather", kJsonArguments)}});
  samples.push_back({"JSON call, all at once",
                     "Hm.</think>\n\nLet me see.\n\n" + wrapped(kJsonCall) + "\n",
                     thinking,
                     {reasoning("Hm."), answer("Let me see."), call("get_weather", kJsonArguments)}});
  samples.push_back({"arguments as a string",
                     wrapped(R"({"name": "f", "arguments": "{\"a\": [1]}"})"),
                     tools,
                     {call("f", R"({"a": [1]})")}});
  samples.push_back({"no arguments", wrapped(R"({"name": "f"})"), tools, {call("f", "{}")}});
  samples.push_back({"closing tag inside a JSON string",
                     wrapped(R"({"name": "f", "arguments": {"a": "</tool_call>\" <tool_call>"}})"),
                     tools,
                     {call("f", R"({"a": "</tool_call>\" <tool_call>"})")}});
  samples.push_back({"two in a list",
                     wrapped("[" + kJsonCall + "," + kJsonCall + "]"),
                     tools,
                     {call("get_weather", kJsonArguments), call("get_weather", kJsonArguments)}});
  samples.push_back(
      {"XML call, typed by its schema",
       wrapped(xml_call("get_weather",
                        {{"city", "12"}, {"days", "3"}, {"exact", "True"}, {"limit", "None"}, {"note", "null"}})),
       tools,
       {call("get_weather", R"({"city": "12", "days": 3, "exact": true, "limit": null, "note": null})")}});
  samples.push_back({"values that do not fit their type",
                     wrapped(xml_call("get_weather", {{"days", "three"}, {"exact", "1"}})),
                     tools,
                     {call("get_weather", R"({"days": "three", "exact": "1"})")}});
  samples.push_back({"unknown function and parameter",
                     wrapped(xml_call("f", {{"a", "1"}}) + "\n" + xml_call("get_weather", {{"b", "[2]"}})),
                     tools,
                     {call("f", R"({"a": "1"})"), call("get_weather", R"({"b": "[2]"})")}});
  samples.push_back(
      {"tags inside a value",
       wrapped(xml_call("write_file",
                        {{"content", "a\n</tool_call>\n<tool_call>\n</parameter>\n\n b "}, {"tags", "[\"x\"]"}})),
       tools,
       {call("write_file", R"({"content": "a\n</tool_call>\n<tool_call>\n</parameter>\n\n b ", "tags": ["x"]})")}});
  samples.push_back({"parameter not closed",
                     "<tool_call>\n<function=write_file>\n<parameter=path>\na.txt\n</function>\n</tool_call>",
                     tools,
                     {call("write_file", R"({"path": "a.txt"})")}});
  samples.push_back({"function without tool_call",
                     "I look.\n" + xml_call("f", {}) + "\n</tool_call>\nDone.",
                     tools,
                     {answer("I look."), call("f", "{}"), answer("Done.")}});
  samples.push_back({"function without tool_call whose value holds its end",
                     xml_call("f", {{"a", "x </function> y"}}),
                     tools,
                     {call("f", R"({"a": "x </function> y"})")}});
  samples.push_back({"opened twice",
                     "<tool_call>\n<tool_call>\n" + kJsonCall + "</tool_call>",
                     tools,
                     {call("get_weather", kJsonArguments)}});
  samples.push_back({"not closed before the next",
                     "<tool_call>" + kJsonCall + "<tool_call>" + kJsonCall + "</tool_call>",
                     tools,
                     {call("get_weather", kJsonArguments), call("get_weather", kJsonArguments)}});
  samples.push_back(
      {"not closed at the end", "<tool_call>\n" + kJsonCall, tools, {call("get_weather", kJsonArguments)}});
  samples.push_back({"cut within the closing tag",
                     "<tool_call>\n" + kJsonCall + "\n</tool_",
                     tools,
                     {call("get_weather", kJsonArguments)}});
}

void add_malformed(std::vector<OutputSample>& samples) {
  const OutputFormat tools = with_tools(false);
  const auto same = [&](const std::string& name, const std::string& text) {
    samples.push_back({name, text, tools, {answer(text)}});
  };
  same("cut off JSON", "So:\n<tool_call>\n{\"name\": \"f\", \"argu");
  same("not JSON", "<tool_call>\n{'name': 'f'}\n</tool_call>");
  same("no name", "<tool_call>\n{\"arguments\": {}}\n</tool_call>\n");
  same("arguments that are no object", "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>");
  same("empty call", "<tool_call></tool_call>");
  same("a list of nothing", "<tool_call>[]</tool_call>");
  same("function without a name", "<tool_call><function=></function></tool_call>");
  same("function not closed", "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</tool_call>");
  same("mentioned in a sentence", "The tags <tool_call> and </tool_call> surround calls; so does <function=f>.");
  same("text after the function", "<tool_call><function=f></function> and more</tool_call>");
  same("line break in a JSON string", "<tool_call>{\"name\": \"f\nx</tool_call> more");
  same("function never closed", "<function=f>\n<parameter=a>\nb");
  samples.push_back({"a bad call, then a good one",
                     "<tool_call>{oops}</tool_call>\n" + wrapped(kJsonCall),
                     tools,
                     {answer("<tool_call>{oops}</tool_call>"), call("get_weather", kJsonArguments)}});
  samples.push_back({"a bad call not closed, then a good one",
                     "<tool_call>{oops}\n" + wrapped(kJsonCall),
                     tools,
                     {answer("<tool_call>{oops}"), call("get_weather", kJsonArguments)}});
}

class Drawing {
 public:
  explicit Drawing(uint64_t seed) : random_(seed) {}

  OutputSample sample(int number) {
    OutputSample sample{"drawn " + std::to_string(number), "", with_tools(pick(2) == 0), {}};
    if (sample.format.starts_in_reasoning || pick(2) == 0) add_reasoning(sample);
    if (pick(4) != 0) add_answer(sample);
    for (size_t calls = pick(4); calls > 0; --calls) add_call(sample);
    if (pick(4) == 0) add_answer(sample);
    if (pick(3) == 0 && !sample.events.empty() && sample.events.back().kind == OutputEvent::Kind::Call)
      sample.text += "\n";
    return sample;
  }

 private:
  size_t pick(size_t count) { return random_() % count; }

  std::string words() {
    static const char* const kWords[] = {
        "the", "sum", "is 1 < 2", "é",     "你好", "👍🏽", "a > b", "```xml\n<a/>\n```",
        "</",  "<",   "<tool",    "\"x\"", "\\",   "{",    "}"};
    std::string text = "W";
    for (size_t count = pick(8); count > 0; --count)
      text += cat(pick(4) == 0 ? "\n\n" : " ", kWords[pick(std::size(kWords))]);
    return text + ".";
  }

  void add_reasoning(OutputSample& sample) {
    const std::string text = words();
    if (!sample.format.starts_in_reasoning) sample.text += "<think>\n";
    sample.text += text + "\n</think>\n\n";
    sample.events.push_back(reasoning(text));
  }

  void add_answer(OutputSample& sample) {
    const std::string text = words();
    sample.text += cat(sample.text.empty() || sample.text.ends_with('\n') ? "" : "\n\n", text);
    if (!sample.events.empty() && sample.events.back().kind == OutputEvent::Kind::Answer)
      sample.events.back().text += "\n\n" + text;
    else sample.events.push_back(answer(text));
  }

  void add_call(OutputSample& sample) {
    Json arguments = Json::object();
    std::vector<std::pair<std::string, std::string>> parameters;
    for (const char* key : {"path", "content"}) {
      const std::string value = words();
      arguments.set(key, value);
      parameters.emplace_back(key, value);
    }
    if (pick(2) == 0)
      arguments.set("tags", Json::parse("[1, \"</tool_call>\"]")),
          parameters.emplace_back("tags", "[1, \"</tool_call>\"]");
    Json json = Json::object();
    json.set("name", "write_file");
    json.set("arguments", arguments);
    if (!sample.text.empty() && !sample.text.ends_with('\n')) sample.text += "\n";
    const size_t form = pick(3);
    sample.text += form == 2 ? xml_call("write_file", parameters)
                             : wrapped(form == 0 ? json.dump() : xml_call("write_file", parameters));
    sample.events.push_back({OutputEvent::Kind::Call, "", {"write_file", arguments}});
  }

  std::mt19937_64 random_;
};

}  // namespace

OutputEvent reasoning(std::string text) { return {OutputEvent::Kind::Reasoning, std::move(text), {}}; }
OutputEvent answer(std::string text) { return {OutputEvent::Kind::Answer, std::move(text), {}}; }
OutputEvent call(std::string name, std::string_view arguments) {
  return {OutputEvent::Kind::Call, "", {std::move(name), Json::parse(arguments)}};
}

void join(std::vector<OutputEvent>& events, std::vector<OutputEvent> more) {
  for (OutputEvent& event : more) {
    const bool same = !events.empty() && events.back().kind == event.kind && event.kind != OutputEvent::Kind::Call;
    if (same) events.back().text += event.text;
    else events.push_back(std::move(event));
  }
}

OutputFormat with_tools(bool starts_in_reasoning) {
  OutputFormat format;
  format.starts_in_reasoning = starts_in_reasoning;
  format.tool_calls = true;
  format.schemas = ToolSchemas(Json::parse(kTools));
  return format;
}

std::vector<OutputSample> written_samples() {
  std::vector<OutputSample> samples;
  add_answers(samples);
  add_calls(samples);
  add_malformed(samples);
  return samples;
}

std::vector<OutputSample> drawn_samples(int count) {
  std::vector<OutputSample> samples;
  for (int number = 0; number < count; ++number)
    samples.push_back(Drawing(static_cast<uint64_t>(number)).sample(number));
  return samples;
}

std::vector<OutputSample> recorded_samples() {
  std::ifstream file(PACELINE_TEST_DATA "/data/outputs/recorded.json");
  std::stringstream text;
  text << file.rdbuf();
  const Json recorded = Json::parse(text.str());
  std::vector<OutputSample> samples;
  for (const Json& output : recorded.at("outputs").as_array()) {
    OutputSample sample{
        cat("recorded ", output.at("kind").as_string(), " ", samples.size()), output.at("text").as_string(), {}, {}};
    sample.format.starts_in_reasoning = output.at("starts_in_reasoning").as_bool();
    sample.format.tool_calls = output.at("tools").as_bool();
    sample.format.schemas = ToolSchemas(recorded.at("tools"));
    OutputParser parser(sample.format);
    join(sample.events, parser.push(sample.text));
    join(sample.events, parser.finish());
    samples.push_back(std::move(sample));
  }
  return samples;
}

}  // namespace paceline::testing
