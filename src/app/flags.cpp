#include "app/flags.h"

#include <algorithm>

namespace paceline {

namespace {

using enum FlagKind;
constexpr double kMost = 1e9;
constexpr unsigned kSamples = kComplete | kRun | kServe;

// clang-format off: rows of a table
constexpr Flag kFlags[] = {
    {.id = "model", .commands = kReadsModel, .names = "-m --model", .kind = Text, .value_name = "MODEL",
     .help = "a GGUF file (the first of a split set), or repo or repo:quant in the Hugging Face cache"},

    {.id = "prompt", .commands = kComplete | kTokenize | kRun, .names = "-p --prompt", .kind = Text, .value_name = "TEXT",
     .default_text = "standard input", .help = "the text to start from; special tokens in it count"},
    {.id = "prompt_file", .commands = kComplete | kTokenize | kRun, .names = "-f --file", .kind = Text, .value_name = "FILE",
     .help = "read the prompt from FILE, - for standard input; in run it follows the words, as what is piped in does"},
    {.id = "max_tokens", .commands = kSamples, .names = "-n --predict --n-predict", .kind = Integer, .value_name = "N",
     .lowest = -1, .highest = kMost, .default_text = "-1",
     .help = "stop after N tokens; -1: at the model's end or a full context"},
    {.id = "ignore_eos", .commands = kComplete, .names = "--ignore-eos",
     .help = "never choose a token that ends the text"},
    {.id = "json", .commands = kComplete | kInspect | kTokenize | kBench, .names = "--json",
     .help = "print one JSON object instead of text"},

    {.id = "temperature", .commands = kSamples, .names = "--temp --temperature", .kind = Number, .value_name = "T",
     .lowest = 0, .highest = 100, .default_text = "the model's, or 0.8", .help = "0: always the most likely token"},
    {.id = "top_k", .commands = kSamples, .names = "--top-k", .kind = Integer, .value_name = "K", .lowest = 0,
     .highest = kMost, .default_text = "the model's, or 40", .help = "only the K most likely tokens; 0: all"},
    {.id = "top_p", .commands = kSamples, .names = "--top-p", .kind = Number, .value_name = "P", .lowest = 0,
     .highest = 1, .default_text = "the model's, or 0.95",
     .help = "only the most likely tokens that together reach P; 1: all"},
    {.id = "min_p", .commands = kSamples, .names = "--min-p", .kind = Number, .value_name = "P", .lowest = 0,
     .highest = 1, .default_text = "the model's, or 0.05",
     .help = "only tokens at least P times as likely as the best; 0: all"},
    {.id = "repeat_penalty", .commands = kSamples, .names = "--repeat-penalty", .kind = Number, .value_name = "X",
     .lowest = 0.01, .highest = 100, .default_text = "1", .help = "divide the logits of recent tokens by X; 1: off"},
    {.id = "presence_penalty", .commands = kSamples, .names = "--presence-penalty", .kind = Number, .value_name = "X",
     .lowest = -100, .highest = 100, .default_text = "0", .help = "subtract X from the logits of recent tokens"},
    {.id = "frequency_penalty", .commands = kSamples, .names = "--frequency-penalty", .kind = Number, .value_name = "X",
     .lowest = -100, .highest = 100, .default_text = "0", .help = "subtract X from them for each time they occurred"},
    {.id = "penalty_window", .commands = kSamples, .names = "--repeat-last-n", .kind = Integer, .value_name = "N",
     .lowest = -1, .highest = kMost, .default_text = "64", .help = "how many last tokens are recent; -1: all"},
    {.id = "logit_bias", .commands = kSamples, .names = "-l --logit-bias", .kind = Text, .value_name = "ID(+|-)X",
     .help = "add X to a token's logit, e.g. 1234+2.5; may be given several times", .may_repeat = true},
    {.id = "seed", .commands = kSamples, .names = "-s --seed", .kind = Integer, .value_name = "N", .lowest = -1,
     .highest = 9007199254740992.0, .default_text = "random, printed",
     .help = "the same seed gives the same text; -1: random"},

    {.id = "system", .commands = kRun, .names = "--system -sys --system-prompt", .kind = Text, .value_name = "TEXT",
     .help = "what the model is told before the conversation"},
    {.id = "think", .commands = kRun, .names = "--think", .kind = Text, .value_name = "on|off|auto",
     .choices = "on off auto", .default_text = "auto",
     .help = "whether the model thinks before it answers; auto: as its template has it"},
    {.id = "show_thinking", .commands = kRun, .names = "--show-thinking", .kind = Text, .value_name = "on|off",
     .choices = "on off", .default_text = "on on a terminal, else off", .help = "print what the model thinks, too",
     .value_is_optional = true},
    {.id = "stats", .commands = kRun, .names = "--stats", .kind = Text, .value_name = "on|off", .choices = "on off",
     .default_text = "on in a chat, else off", .help = "say after each answer how fast it came and what drafts gained",
     .value_is_optional = true},
    {.id = "show_drafts", .commands = kRun, .names = "--show-drafts", .kind = Text, .value_name = "on|off",
     .choices = "on off", .default_text = "off", .help = "colour the tokens that were guessed ahead, on a terminal",
     .value_is_optional = true},

    {.id = "context", .commands = kComplete | kLogits | kInspect | kRun | kServe, .names = "-c --ctx-size", .kind = Integer,
     .value_name = "N", .lowest = 0, .highest = 1 << 24, .default_text = "the smaller of trained and 8192",
     .help = "positions there is room for; 0: as trained"},
    {.id = "chunk", .commands = kRunsModel, .names = "-ub --ubatch-size", .kind = Integer, .value_name = "N",
     .lowest = 1, .highest = 4096, .default_text = "512", .help = "prompt tokens in one pass"},
    {.id = "cache_type_k", .commands = kRunsModel, .names = "-ctk --cache-type-k", .kind = Text, .value_name = "TYPE",
     .choices = "f16 q8_0 f32", .default_text = "f16", .help = "type of the keys in memory"},
    {.id = "cache_type_v", .commands = kRunsModel, .names = "-ctv --cache-type-v", .kind = Text, .value_name = "TYPE",
     .choices = "f16 q8_0 f32", .default_text = "f16", .help = "type of the values in memory"},
    {.id = "mtp", .commands = kSamples | kBench, .names = "--mtp", .kind = Integer, .value_name = "off|auto|N",
     .lowest = 0, .highest = 6, .choices = "off auto", .default_text = "auto",
     .help = "tokens the draft head guesses ahead; the text is the same"},
    {.id = "lookup", .commands = kComplete | kBench | kRun | kServe, .names = "--lookup", .kind = Text, .value_name = "on|off",
     .choices = "on off", .default_text = "on with --mtp auto",
     .help = "also guess that the text goes on as it did before; the text is the same"},
    {.id = "spec_type", .commands = kSamples | kBench, .names = "--spec-type", .kind = Text, .value_name = "TYPE",
     .choices = "draft-mtp none", .help = "llama.cpp's name: draft-mtp is --mtp auto, none is --mtp off"},
    {.id = "spec_max", .commands = kSamples | kBench, .names = "--spec-draft-n-max --draft-max --draft --draft-n",
     .kind = Integer, .value_name = "N", .lowest = 0, .highest = 6, .help = "llama.cpp's name for --mtp N"},

    {.id = "host", .commands = kServe, .names = "--host", .kind = Text, .value_name = "ADDRESS",
     .default_text = "127.0.0.1", .help = "where to listen; 0.0.0.0: on all networks, with an API key"},
    {.id = "port", .commands = kServe, .names = "--port", .kind = Integer, .value_name = "N", .lowest = 0,
     .highest = 65535, .default_text = "8080", .help = "0: a free one, printed"},
    {.id = "api_key", .commands = kServe | kBench, .names = "--api-key", .kind = Text, .value_name = "KEY",
     .default_text = "none on this machine, else random", .help = "serve: what clients must send, may be given several times; bench --server: what to send",
     .may_repeat = true},
    {.id = "no_auth", .commands = kServe, .names = "--no-auth", .help = "no API key, whoever can connect"},
    {.id = "alias", .commands = kServe, .names = "-a --alias", .kind = Text, .value_name = "NAME",
     .default_text = "the file's name", .help = "what clients call the model"},
    {.id = "slots", .commands = kServe, .names = "-np --parallel", .kind = Integer, .value_name = "N", .lowest = -1,
     .highest = 64, .default_text = "as memory allows, at most 8", .help = "requests that run at once"},
    {.id = "cors", .commands = kServe, .names = "--cors", .kind = Text, .value_name = "ORIGIN", .default_text = "none",
     .help = "web pages that may use this server, e.g. https://chat.example.org, *: all; may be given several times",
     .may_repeat = true},
    {.id = "log_bodies", .commands = kServe, .names = "--log-bodies",
     .help = "log what clients send, up to 4,096 bytes of each; else no text is logged"},
    {.id = "queue", .commands = kServe, .names = "--queue", .kind = Integer, .value_name = "N", .lowest = 0,
     .highest = 100000, .default_text = "64", .help = "requests that may wait; more get status 503"},

    {.id = "threads", .commands = kRunsModel | kSynth, .names = "-t --threads", .kind = Integer, .value_name = "N",
     .lowest = -1, .highest = 1024, .default_text = "physical cores",
     .help = "threads; -1 and 0: as many as there are cores"},
    {.id = "device", .commands = kRunsModel, .names = "--device -dev", .kind = Text, .value_name = "NAME",
     .choices = "auto cpu cuda reference", .default_text = "cpu",
     .help = "what computes; auto: the GPU if there is one, with as many layers as fit; reference is slow and obvious"},
    {.id = "gpu_layers", .commands = kRunsModel, .names = "-ngl --gpu-layers --n-gpu-layers", .kind = Integer,
     .value_name = "N", .lowest = -1, .highest = kMost, .choices = "auto all", .default_text = "as --device says",
     .help = "layers on the GPU, counted from the end: the output head is one, then the last block; auto: as many as fit; without a GPU "
             "they stay on the CPU, which is said"},
    {.id = "isa", .commands = kRunsModel, .names = "--isa", .kind = Text, .value_name = "NAME",
     .choices = "scalar avx2 avx_vnni avx512", .default_text = "the best there is",
     .help = "instruction set of the cpu device, also of the layers that a GPU leaves to it"},
    {.id = "cuda_graphs", .commands = kRunsModel, .names = "--cuda-graphs", .kind = Text, .value_name = "on|off",
     .choices = "on off", .default_text = "on",
     .help = "replay repeated steps on the GPU; off: launch kernel by kernel, for looking for faults. No bit depends on it"},

    {.id = "tokens", .commands = kLogits, .names = "--tokens", .kind = Text, .value_name = "FILE.json",
     .help = "the file whose prompt_tokens to run"},
    {.id = "out", .commands = kLogits, .names = "--out", .kind = Text, .value_name = "PREFIX",
     .help = "write PREFIX.trunk.f32 and, when there is a draft head, PREFIX.mtp.f32"},

    {.id = "special_as_text", .commands = kTokenize, .names = "--no-parse-special",
     .help = "control tokens in the text are plain text"},
    {.id = "ids", .commands = kTokenize, .names = "--ids", .help = "print ids only"},

    {.id = "shape", .commands = kSynth, .names = "--shape", .kind = Text, .value_name = "SHAPE",
     .choices = "tiny 0.8B 2B 4B 9B 27B 35B-A3B", .help = "which model's sizes"},
    {.id = "type", .commands = kSynth, .names = "--type", .kind = Text, .value_name = "TYPE",
     .choices = "Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL IQ4_XS "
                "F16 BF16 F32 MXFP4_MOE MXFP4 Q3_K Q4_K Q5_K",
     .help = "quantization mix"},
    {.id = "accept", .commands = kSynth, .names = "--accept", .kind = Number, .value_name = "P", .lowest = 0,
     .highest = 1, .help = "greedy text follows a fixed map, and the draft head is right for a share P of the ids"},
    {.id = "rare", .commands = kSynth, .names = "--rare", .kind = Number, .value_name = "R", .lowest = 0, .highest = 1,
     .default_text = "0", .help = "with --accept: for a share R the next token lies outside the 16,384 lowest ids"},
    {.id = "synth_seed", .commands = kSynth, .names = "-s --seed", .kind = Integer, .value_name = "N", .lowest = 0,
     .highest = 9007199254740992.0, .default_text = "0", .help = "another seed, another model"},
    {.id = "output", .commands = kSynth, .names = "-o --output", .kind = Text, .value_name = "FILE",
     .help = "the file to write"},

    {.id = "prompt_sizes", .commands = kBench, .names = "-p --n-prompt", .kind = Integers, .value_name = "N,N…",
     .lowest = 0, .highest = 1 << 20, .default_text = "512", .help = "prompt lengths to measure; 0: none; -p, -n, -d or --rows measure these instead of the everyday tasks"},
    {.id = "generate_count", .commands = kBench, .names = "-n --n-gen", .kind = Integer, .value_name = "N", .lowest = 0,
     .highest = 100000, .default_text = "64", .help = "tokens to generate, plain and with drafts; 0: none"},
    {.id = "depths", .commands = kBench, .names = "-d --n-depth", .kind = Integers, .value_name = "N,N…",
     .lowest = 0, .highest = 1 << 20, .default_text = "0", .help = "tokens that are in the context already"},
    {.id = "rows", .commands = kBench, .names = "--rows", .kind = Text, .value_name = "A..B",
     .help = "time of one step of A to B rows, as verifying drafts takes (at most 16)"},
    {.id = "kernels", .commands = kBench, .names = "--kernels",
     .help = "time the operations of a step one by one, beside what limits them"},
    {.id = "server", .commands = kBench, .names = "--server", .kind = Text, .value_name = "URL",
     .help = "ask a server with OpenAI's API instead of a model here, -m names its model; several stand side by side",
     .may_repeat = true},
    {.id = "suite", .commands = kBench, .names = "--suite", .kind = Text, .value_name = "NAME",
     .help = "instead of the everyday tasks the questions of mt-bench, spec-bench or a .jsonl file, by category"},
    {.id = "questions", .commands = kBench, .names = "--questions", .kind = Integer, .value_name = "N", .lowest = 1,
     .highest = 1000, .default_text = "2", .help = "with --suite: questions of each category"},
    {.id = "clients", .commands = kBench, .names = "--clients", .kind = Integer, .value_name = "N", .lowest = 1,
     .highest = 64, .help = "measure N clients at once, plain and with drafts, beside one; -p sets the prompts' length"},
    {.id = "requests", .commands = kBench, .names = "--requests", .kind = Integer, .value_name = "N", .lowest = 1,
     .highest = 100000, .default_text = "two a client", .help = "with --clients: requests in all"},
    {.id = "rate", .commands = kBench, .names = "--rate", .kind = Number, .value_name = "R", .lowest = 1e-6,
     .highest = 1e6, .default_text = "a client sends its next when it has its answer",
     .help = "with --clients: R requests a second on average, arriving at random or as the trace has them"},
    {.id = "trace", .commands = kBench, .names = "--trace", .kind = Text, .value_name = "FILE",
     .help = "with --clients: arrivals and lengths from Mooncake's JSON lines or Azure's CSV"},
    {.id = "svg", .commands = kBench, .names = "--svg", .kind = Text, .value_name = "FILE",
     .help = "everyday tasks, --clients and --rows: write the result as a chart to FILE"},
    {.id = "csv", .commands = kBench, .names = "--csv",
     .help = "everyday tasks and --clients: print comma-separated values"},
    {.id = "answer_tokens", .commands = kBench, .names = "--answer-tokens", .kind = Integer, .value_name = "N",
     .lowest = 8, .highest = 1024, .default_text = "128", .help = "everyday tasks: tokens of an answer at most; --clients: exactly"},
    {.id = "repetitions", .commands = kBench, .names = "-r --repetitions", .kind = Integer, .value_name = "N",
     .lowest = 1, .highest = 1000, .default_text = "3", .help = "how often each measurement is made"},

    // Other tools' flags that change nothing here.
    {.id = "flash_attention", .commands = kRunsModel, .names = "-fa --flash-attn", .kind = Text,
     .value_name = "on|off|auto", .choices = "on off auto 1 0 enabled disabled",
     .help = "attention never stores its scores", .value_is_optional = true, .changes_nothing = true},
    {.id = "batch", .commands = kRunsModel, .names = "-b --batch-size", .kind = Integer, .value_name = "N", .lowest = 1,
     .highest = kMost, .help = "-ub alone sets the prompt chunk", .changes_nothing = true},
    {.id = "threads_batch", .commands = kRunsModel, .names = "-tb --threads-batch", .kind = Integer, .value_name = "N",
     .lowest = -1, .highest = 1024, .help = "-t serves prompts too", .changes_nothing = true},
    {.id = "no_mmap", .commands = kRunsModel, .names = "--no-mmap --mmap --mlock",
     .help = "weights are always repacked into memory", .changes_nothing = true},
    {.id = "no_warmup", .commands = kRunsModel, .names = "--no-warmup --warmup", .help = "there is no warm-up run",
     .changes_nothing = true},
    {.id = "no_conversation", .commands = kComplete, .names = "-no-cnv --no-conversation --single-turn -st",
     .help = "complete never chats", .changes_nothing = true},
    {.id = "conversation", .commands = kRun, .names = "-cnv --conversation --jinja --color --colors -co",
     .help = "run chats by the model's own template", .changes_nothing = true},
    {.id = "jinja", .commands = kServe, .names = "--jinja", .help = "the model's own template is always used",
     .changes_nothing = true},
    {.id = "always_on", .commands = kServe, .names = "-cb --cont-batching --metrics --slots --props --no-webui",
     .help = "that is how this server always is", .changes_nothing = true},
    {.id = "threads_http", .commands = kServe, .names = "--threads-http", .kind = Integer, .value_name = "N",
     .lowest = -1, .highest = 1024, .help = "one thread serves all connections", .changes_nothing = true},
    {.id = "no_display_prompt", .commands = kComplete | kRun, .names = "--no-display-prompt",
     .help = "the prompt is never printed", .changes_nothing = true},
    {.id = "simple_io", .commands = kComplete | kRun, .names = "--simple-io --log-disable --no-perf --perf --no-escape",
     .help = "output is plain already", .changes_nothing = true},
    {.id = "kv_unified", .commands = kRunsModel, .names = "-kvu --kv-unified --no-kv-offload -nkvo --swa-full",
     .help = "there is one kind of cache", .changes_nothing = true},
    {.id = "parallel", .commands = kComplete | kRun, .names = "-np --parallel", .kind = Integer, .value_name = "N",
     .lowest = 1, .highest = kMost, .help = "one sequence runs at a time", .changes_nothing = true},
};
// clang-format on

}  // namespace

std::span<const Flag> all_flags() { return kFlags; }

std::vector<const Flag*> flags_of(Command command) {
  std::vector<const Flag*> flags;
  for (const Flag& flag : kFlags)
    if ((flag.commands & command) != 0) flags.push_back(&flag);
  return flags;
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
    const size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace paceline
