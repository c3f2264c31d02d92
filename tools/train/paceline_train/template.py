"""ChatML with thinking, as training renders it and as the file's Jinja template renders it: one definition each, side by side.

Thinking is off unless asked for; then the turn opens with an empty thought, which is also what earlier assistant turns keep, so a
longer conversation always extends the text of the shorter one."""

EMPTY_THOUGHT = '<think>\n\n</think>\n\n'

JINJA = r"""{%- macro text_of(content) -%}
{%- if content is string -%}{{ content }}{%- elif content -%}{%- for part in content -%}{{ part.text }}{%- endfor -%}{%- endif -%}
{%- endmacro -%}
{%- if tools -%}
{{ '<|im_start|>system\n' }}
{%- if messages and messages[0].role == 'system' -%}{{ text_of(messages[0].content) + '\n\n' }}{%- endif -%}
{{ '# Tools\n\n<tools>' }}
{%- for tool in tools -%}{{ '\n' + (tool | tojson) }}{%- endfor -%}
{{ '\n</tools>\n\nTo call one, reply with:\n<tool_call>\n<function=NAME>\n<parameter=NAME>\nVALUE\n</parameter>\n</function>\n</tool_call><|im_end|>\n' }}
{%- elif messages and messages[0].role == 'system' -%}
{{ '<|im_start|>system\n' + text_of(messages[0].content) + '<|im_end|>\n' }}
{%- endif -%}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{%- if not loop.first -%}{{ raise_exception('a system message must come first') }}{%- endif -%}
{%- elif message.role == 'assistant' -%}
{{ '<|im_start|>assistant\n<think>\n\n</think>\n\n' + text_of(message.content).split('</think>')[-1].lstrip('\n') }}
{%- if message.tool_calls -%}
{%- for call in message.tool_calls -%}
{{ '<tool_call>\n<function=' + call.function.name + '>\n' }}
{%- for name, value in call.function.arguments | items -%}
{{ '<parameter=' + name + '>\n' + (value if value is string else value | tojson) + '\n</parameter>\n' }}
{%- endfor -%}
{{ '</function>\n</tool_call>' }}
{%- endfor -%}
{%- endif -%}
{{ '<|im_end|>\n' }}
{%- elif message.role == 'tool' -%}
{{ '<|im_start|>user\n<tool_response>\n' + text_of(message.content) + '\n</tool_response><|im_end|>\n' }}
{%- else -%}
{{ '<|im_start|>' + message.role + '\n' + text_of(message.content) + '<|im_end|>\n' }}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant\n' + ('<think>\n' if enable_thinking is defined and enable_thinking else '<think>\n\n</think>\n\n') }}
{%- endif -%}
"""


def prompt(messages, thinking=False):
    """The text up to where the assistant begins to write."""
    parts = []
    for message in messages:
        lead = EMPTY_THOUGHT if message['role'] == 'assistant' else ''
        parts.append(f"<|im_start|>{message['role']}\n{lead}{message['content']}<|im_end|>\n")
    return ''.join(parts) + '<|im_start|>assistant\n' + ('<think>\n' if thinking else EMPTY_THOUGHT)


def training_parts(messages, thought=None):
    """[(text, is learned)] of a conversation; `thought` puts the last answer in the thinking form."""
    parts = []
    for i, message in enumerate(messages):
        if message['role'] != 'assistant':
            parts.append((f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n", False))
            continue
        last = i == len(messages) - 1
        if last and thought is not None:
            parts.append(('<|im_start|>assistant\n<think>\n', False))
            parts.append((f"{thought}\n</think>\n\n{message['content']}<|im_end|>", True))
        else:
            parts.append((f'<|im_start|>assistant\n{EMPTY_THOUGHT}', False))
            parts.append((message['content'] + '<|im_end|>', True))
            if not last:
                parts.append(('\n', False))
    return parts
