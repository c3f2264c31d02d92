// Server-sent events of a response, one at a time.
export interface ServerEvent {
  id: string | null;
  data: string;
}

function parse(block: string): ServerEvent | null {
  let id: string | null = null;
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    else if (line.startsWith('id:')) id = line.slice(3).trim();
    else if (line.startsWith('error:')) data.push(line.slice(6).trim());
  }
  return data.length > 0 ? { id, data: data.join('\n') } : null;
}

export async function* serverEvents(response: Response): AsyncGenerator<ServerEvent> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      waiting += value;
      let end: number;
      while ((end = waiting.indexOf('\n\n')) >= 0) {
        const event = parse(waiting.slice(0, end));
        waiting = waiting.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
