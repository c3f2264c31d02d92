/* The C interface from C, through the shared library: `c_api_test MODEL.gguf`. */
#include <stdio.h>
#include <string.h>

#include "c_api/paceline.h"

static int failures = 0;

static void expect(int condition, const char* what) {
  if (condition) return;
  printf("FAILED %s\n", what);
  ++failures;
}

static void fill(int32_t* prompt, int count, int vocab_size) {
  for (int i = 0; i < count; ++i) prompt[i] = (int32_t)((i * 37 + 11) % vocab_size);
}

/* Returns the number of tokens, ends with PACELINE_FINISHED in *event. */
static int receive(paceline_request* request, int32_t* tokens, int room, paceline_event* event) {
  int count = 0;
  while (paceline_next(request, event) == PACELINE_OK && event->kind != PACELINE_FINISHED)
    if (event->kind == PACELINE_TOKEN && count < room) tokens[count++] = event->token;
  return count;
}

static void check_answers(paceline_engine* engine, int vocab_size) {
  int32_t prompt[90], first[20], second[20];
  char error[PACELINE_ERROR_SIZE];
  fill(prompt, 90, vocab_size);
  paceline_request_options ask = PACELINE_REQUEST_OPTIONS_INIT;
  ask.prompt = prompt;
  ask.prompt_length = 90;
  ask.max_tokens = 20;
  paceline_request *a = NULL, *b = NULL;
  expect(paceline_submit(engine, &ask, &a, error) == PACELINE_OK, "submit");
  ask.drafts = 0;
  expect(paceline_submit(engine, &ask, &b, error) == PACELINE_OK, "second submit");
  paceline_event event = PACELINE_EVENT_INIT;
  expect(receive(a, first, 20, &event) == 20, "20 tokens");
  expect(event.kind == PACELINE_FINISHED && event.reason == PACELINE_LENGTH, "ends by length");
  expect(receive(b, second, 20, &event) == 20, "20 tokens without drafts");
  expect(memcmp(first, second, sizeof first) == 0, "same tokens with and without drafts");
  expect(strcmp(paceline_message(a), "") == 0, "no message");
  paceline_release(a);
  paceline_release(b);

  ask.max_tokens = -1;
  expect(paceline_submit(engine, &ask, &a, error) == PACELINE_OK, "third submit");
  paceline_cancel(a);
  receive(a, first, 20, &event);
  expect(event.reason == PACELINE_CANCELLED, "cancelled");
  expect(paceline_try_next(a, &event) == PACELINE_OK && event.kind == PACELINE_FINISHED, "finished again");
  paceline_release(a);
}

static void check_mistakes(paceline_engine* engine) {
  char error[PACELINE_ERROR_SIZE] = "";
  paceline_request* request = NULL;
  paceline_request_options ask = PACELINE_REQUEST_OPTIONS_INIT;
  expect(paceline_submit(engine, &ask, &request, error) == PACELINE_ERROR, "empty prompt refused");
  expect(strstr(error, "prompt") != NULL, "and says so");
  ask.prompt_length = 5;
  expect(paceline_submit(engine, &ask, &request, error) == PACELINE_ERROR, "NULL prompt refused");
  ask.struct_size = 1 << 20;
  expect(paceline_submit(engine, &ask, &request, error) == PACELINE_ERROR, "wrong struct_size refused");
  expect(paceline_open("no such file.gguf", NULL, error) == NULL, "missing file");
  expect(strstr(error, "no such file.gguf") != NULL, "and names it");
  paceline_release(NULL);
  paceline_close(NULL);
}

/* max_drafts 0: none by the head, and none copied from a prompt that repeats itself. */
static void check_no_drafts(const char* path, paceline_engine_options options) {
  char error[PACELINE_ERROR_SIZE] = "";
  int32_t prompt[90], answer[20];
  options.max_drafts = 0;
  paceline_engine* engine = paceline_open(path, &options, error);
  expect(engine != NULL, "open without drafts");
  if (engine == NULL) return;
  fill(prompt, 9, 100);
  for (int i = 9; i < 90; ++i) prompt[i] = prompt[i % 9];
  paceline_request_options ask = PACELINE_REQUEST_OPTIONS_INIT;
  ask.prompt = prompt;
  ask.prompt_length = 90;
  ask.max_tokens = 20;
  paceline_request* request = NULL;
  paceline_event event = PACELINE_EVENT_INIT;
  paceline_stats stats = PACELINE_STATS_INIT;
  expect(paceline_submit(engine, &ask, &request, error) == PACELINE_OK, "submit without drafts");
  expect(receive(request, answer, 20, &event) == 20, "20 tokens of an engine without drafts");
  paceline_release(request);
  paceline_get_stats(engine, &stats);
  expect(stats.drafted == 0, "nothing drafted");
  paceline_close(engine);
}

int main(int argc, char** argv) {
  char error[PACELINE_ERROR_SIZE] = "";
  paceline_engine_options options = PACELINE_ENGINE_OPTIONS_INIT;
  options.threads = 2;
  options.slots = 2;
  options.context = 256;
  paceline_engine* engine = paceline_open(argc > 1 ? argv[1] : "", &options, error);
  if (engine == NULL) {
    printf("FAILED: %s\n", error);
    return 1;
  }
  paceline_stats stats = PACELINE_STATS_INIT;
  paceline_get_stats(engine, &stats);
  expect(stats.slots == 2 && stats.context == 256 && stats.vocab_size > 0, "stats at the start");
  check_answers(engine, stats.vocab_size);
  check_mistakes(engine);
  paceline_get_stats(engine, &stats);
  expect(stats.completed == 2 && stats.cancelled == 1 && stats.running == 0, "stats at the end");
  paceline_close(engine);
  check_no_drafts(argc > 1 ? argv[1] : "", options);
  printf(failures == 0 ? "c_api: passed\n" : "c_api: %d failed\n", failures);
  return failures == 0 ? 0 : 1;
}
