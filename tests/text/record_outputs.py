#!/usr/bin/env python3
"""Records what a model writes, for the tests of the output parser: answers with and without reasoning, tool calls in both forms, and what
goes wrong (cut off by the token limit, tags that are never closed, calls that are none). The text is the model's own, byte for byte.

    build/paceline serve models/paceline-demo.gguf --port 9311 &
    tests/text/record_outputs.py http://127.0.0.1:9311 > tests/data/outputs/recorded.json

A small model was never shown tools, so calls are written under a grammar; the broken ones begin like a call and go on freely.
"""
import json
import sys
import urllib.request

QUESTIONS = [
    "Write a Python function that returns the sum of the even numbers in a list.",
    "Write a Python function that reverses a string.",
    "Write a Python function that checks whether a number is prime.",
    "How do I find the ten largest files under /var/log?",
    "Give me a one-liner that counts the lines of all Python files.",
    "How can I see which process listens on port 8080?",
    "A bag has 3 red and 5 blue balls. Two are drawn without replacement. What is the probability that both are red?",
    "A die is rolled twice. What is the probability that the sum is 7?",
    "What is 12 + 30 / 5?",
    "What is 3/4 + 1/6?",
    "Hello, who are you?",
    "Explain what a star is in one sentence.",
    "What does the word 'brittle' mean?",
    "Compare 1 < 2 and 2 > 1 in HTML, please.",
    "Give me a table of three fruits and their colours.",
]

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"},
        "limit": {"type": ["integer", "null"]}, "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}}},
    {"type": "function", "function": {"name": "write_file", "parameters": {"type": "object", "properties": {
        "path": {"type": "string"}, "content": {"type": "string"}, "tags": {"type": "array"}}}}},
]

XML_CALLS = r'''
root ::= text? call ("\n" call)? "\n"?
text ::= [A-Za-z ,.]{1,30} "\n\n"
call ::= "<tool_call>\n<function=" ("get_weather>\n" weather | "write_file>\n" file) "</function>\n</tool_call>"
weather ::= city days?
city ::= "<parameter=city>\n" [A-Za-z ]{1,12} "\n</parameter>\n"
days ::= "<parameter=days>\n" [0-9a-z]{1,2} "\n</parameter>\n"
file ::= "<parameter=path>\n" [a-z./]{1,12} "\n</parameter>\n<parameter=content>\n" [a-z<>/_\n ]{1,40} "\n</parameter>\n"
'''

JSON_CALLS = r'''
root ::= call ("\n" call)? "\n"?
call ::= "<tool_call>\n{\"name\": " ("\"get_weather\", \"arguments\": " weather | "\"write_file\", \"arguments\": " file) "}\n</tool_call>"
weather ::= "{\"city\": " string (", \"days\": " [0-9]{1,2})? "}"
file ::= "{\"path\": " string ", \"content\": " string ", \"tags\": [" (string (", " string)?)? "]}"
string ::= "\"" ([A-Za-z0-9 <>/_.] | "\\n" | "\\\""){1,24} "\""
'''

CALL_STARTS = ["<tool_call>\n", "<tool_call>\n<function=get_weather>\n<parameter=city>\n", "<function=write_file>\n",
               '<tool_call>\n{"name": "get_weather", "arguments": {"city": "', "<tool_call>"]


def post(server, path, **fields):
    request = urllib.request.Request(server + path, json.dumps(fields).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def main():
    server = sys.argv[1]
    outputs = []

    def record(kind, question, seed, *, thinking=False, tools=None, start="", grammar=None):
        fields = {"tools": tools} if tools else {}
        prompt = post(server, "/apply-template", messages=[{"role": "user", "content": question}],
                      chat_template_kwargs={"enable_thinking": thinking}, **fields)["prompt"]
        constraint = {"grammar": grammar} if grammar else {}
        # Every third is cut off early.
        text = post(server, "/completion", prompt=prompt + start, n_predict=16 if seed % 3 == 2 else 150 if grammar else 72, seed=seed,
                    temperature=[0, 0.8, 1.4][seed // 3 % 3], **constraint)["content"]
        output = {"kind": kind, "starts_in_reasoning": prompt.endswith("<think>\n"), "tools": tools is not None,
                  "text": start + text}
        if output not in outputs:
            outputs.append(output)

    def record_many(kind, count, **how):
        seed, wanted = 0, len(outputs) + count
        while len(outputs) < wanted:
            starts = how.get("starts", [""])
            record(kind, QUESTIONS[seed % len(QUESTIONS)], seed, start=starts[seed % len(starts)],
                   **{key: value for key, value in how.items() if key != "starts"})
            seed += 1

    record_many("answer", 60)
    record_many("reasoning", 50, thinking=True)
    record_many("XML call", 30, tools=TOOLS, grammar=XML_CALLS)
    record_many("JSON call", 30, tools=TOOLS, grammar=JSON_CALLS)
    record_many("broken call", 30, tools=TOOLS, starts=CALL_STARTS)
    record_many("call while thinking", 10, tools=TOOLS, starts=CALL_STARTS, thinking=True)
    json.dump({"tools": TOOLS, "outputs": outputs}, sys.stdout, indent=0, ensure_ascii=False)


main()
