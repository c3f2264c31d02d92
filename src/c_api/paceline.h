/* Paceline for programs in any language: a model file becomes an engine, requests of tokens go in, tokens come out. No text, no HTTP.
 *
 *   paceline_engine_options options = PACELINE_ENGINE_OPTIONS_INIT;
 *   char error[PACELINE_ERROR_SIZE];
 *   paceline_engine* engine = paceline_open("model.gguf", &options, error);
 *   paceline_request_options ask = PACELINE_REQUEST_OPTIONS_INIT;
 *   ask.prompt = tokens, ask.prompt_length = count, ask.max_tokens = 100;
 *   paceline_request* request = NULL;
 *   if (paceline_submit(engine, &ask, &request, error) == PACELINE_OK) {
 *     paceline_event event = PACELINE_EVENT_INIT;
 *     while (paceline_next(request, &event) == PACELINE_OK && event.kind != PACELINE_FINISHED) use(event.token);
 *     paceline_release(request);
 *   }
 *   paceline_close(engine);
 *
 * Every function may be called from any thread; one request is used by one thread at a time. No function throws. A struct begins with its
 * size, which the INIT macros fill in, so that a program compiled against an older header keeps working with a newer library: fields are
 * only ever added at the end. `error` buffers are PACELINE_ERROR_SIZE bytes or NULL, and are written, ending in a zero, on failure only.
 */
#ifndef PACELINE_H
#define PACELINE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PACELINE_API __attribute__((visibility("default")))
#else
#define PACELINE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define PACELINE_ERROR_SIZE 512

typedef struct paceline_engine paceline_engine;
typedef struct paceline_request paceline_request;

typedef enum paceline_status {
  PACELINE_OK = 0,
  PACELINE_NOTHING_YET = 1, /* paceline_try_next: no event is there */
  PACELINE_QUEUE_FULL = 2, /* paceline_submit: try later */
  PACELINE_ERROR = 3 /* see `error` */
} paceline_status;

typedef struct paceline_engine_options {
  size_t struct_size;
  int32_t threads; /* 0: the physical cores */
  int32_t slots; /* requests that run at once; 0: as many as memory allows, at most 8 */
  int32_t context; /* positions of each; 0: what the model was trained for, or what memory allows */
  int32_t queue_limit; /* requests that may wait */
  int32_t max_drafts; /* per round, of any request; 0: no drafting */
  int64_t prefix_cache_bytes; /* 0: none; < 0: by the machine's memory */
} paceline_engine_options;

#define PACELINE_ENGINE_OPTIONS_INIT {sizeof(paceline_engine_options), 0, 0, 0, 64, 6, -1}

typedef struct paceline_request_options {
  size_t struct_size;
  const int32_t* prompt; /* copied */
  size_t prompt_length;
  int32_t max_tokens; /* < 0: until the context is full */
  const int32_t* stop_tokens; /* the answer ends before the first of these; copied */
  size_t stop_token_count;
  const int32_t*
      stable_positions; /* of the prompt, where later ones may part from it: ends of system prompt and turns; copied */
  size_t stable_position_count;
  int32_t drafts; /* per round; -1: as many as pay */
  float temperature; /* 0: the most likely token */
  int32_t top_k; /* 0: all */
  float top_p; /* 1: off */
  float min_p; /* 0: off */
  float repeat_penalty; /* 1: off */
  float presence_penalty; /* 0: off */
  float frequency_penalty; /* 0: off */
  uint64_t seed;
} paceline_request_options;

#define PACELINE_REQUEST_OPTIONS_INIT \
  {sizeof(paceline_request_options), NULL, 0, -1, NULL, 0, NULL, 0, -1, 0.8f, 40, 0.95f, 0.05f, 1.0f, 0.0f, 0.0f, 0}

typedef enum paceline_event_kind {
  PACELINE_PROMPT_PROGRESS = 0,
  PACELINE_TOKEN = 1,
  PACELINE_FINISHED = 2 /* the last event, exactly one; asked again, it comes again */
} paceline_event_kind;

typedef enum paceline_reason {
  PACELINE_STOP = 0,
  PACELINE_LENGTH = 1,
  PACELINE_CONTEXT = 2,
  PACELINE_CANCELLED = 3,
  PACELINE_FAILED = 4
} paceline_reason;

typedef struct paceline_event {
  size_t struct_size;
  paceline_event_kind kind;
  int32_t prompt_done, prompt_total, prompt_cached; /* PACELINE_PROMPT_PROGRESS */
  int32_t token; /* PACELINE_TOKEN */
  int32_t from_draft; /* 1: guessed by the draft head and accepted */
  uint64_t pass; /* of the request: tokens of a pass come together */
  int32_t drafted, accepted; /* of that pass */
  paceline_reason reason; /* PACELINE_FINISHED */
} paceline_event;

#define PACELINE_EVENT_INIT {sizeof(paceline_event), PACELINE_TOKEN, 0, 0, 0, 0, 0, 0, 0, 0, PACELINE_STOP}

typedef struct paceline_stats {
  size_t struct_size;
  int32_t slots, context, vocab_size;
  int32_t running, waiting;
  uint64_t submitted, refused, completed, cancelled, failed;
  uint64_t prompt_tokens, cached_tokens, generated_tokens;
  uint64_t drafted, accepted;
} paceline_stats;

#define PACELINE_STATS_INIT {sizeof(paceline_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* NULL on failure. Takes as long as loading the model does. */
PACELINE_API paceline_engine* paceline_open(const char* model_path, const paceline_engine_options* options,
                                            char* error);
/* Cancels everything. Requests must have been released. NULL is allowed. */
PACELINE_API void paceline_close(paceline_engine* engine);

/* PACELINE_OK: *request is to be released. PACELINE_QUEUE_FULL: at once, without waiting. */
PACELINE_API paceline_status paceline_submit(paceline_engine* engine, const paceline_request_options* options,
                                             paceline_request** request, char* error);
/* Waits for the next event. */
PACELINE_API paceline_status paceline_next(paceline_request* request, paceline_event* event);
PACELINE_API paceline_status paceline_try_next(paceline_request* request, paceline_event* event);
/* Of a request that finished with PACELINE_FAILED; "" otherwise. Valid until the request is released. */
PACELINE_API const char* paceline_message(const paceline_request* request);
/* Before the next step; PACELINE_FINISHED follows. */
PACELINE_API void paceline_cancel(paceline_request* request);
/* Cancels it if it has not finished. NULL is allowed. */
PACELINE_API void paceline_release(paceline_request* request);

PACELINE_API void paceline_get_stats(const paceline_engine* engine, paceline_stats* stats);

#ifdef __cplusplus
}
#endif

#endif
