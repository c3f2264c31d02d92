// One measurement of llama.cpp, as node-llama-cpp ships it: `node llama.mjs MODEL.gguf PROMPT_TOKENS GENERATED_TOKENS THREADS` prints JSON.
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const [path, promptCount, generateCount, threads] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const seconds = async (work) => {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) * 1e-9;
};

const llama = await getLlama({gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: threads});
let model, context;
const loadSeconds = await seconds(async () => {
  model = await llama.loadModel({modelPath: path});
  context = await model.createContext({contextSize: promptCount + generateCount + 64, batchSize: promptCount, threads});
});
const sequence = context.getSequence();
const prompt = Array.from({length: promptCount}, (_, i) => 100 + (i * 7919) % 15000);
const promptSeconds = await seconds(() => sequence.evaluateWithoutGeneratingNewTokens(prompt));

// The first token is not counted: it waits for the loop to start.
let count = 0, start;
for await (const token of sequence.evaluate([101], {temperature: 0, yieldEogToken: true})) {
  if (count++ === 0) start = process.hrtime.bigint();
  if (count > generateCount) break;
}
const generateSeconds = Number(process.hrtime.bigint() - start) * 1e-9;
console.log(JSON.stringify({
  release: llama.llamaCppRelease?.release ?? "", load_s: loadSeconds,
  prompt_tokens_per_s: promptCount / promptSeconds, generate_tokens_per_s: generateCount / generateSeconds,
}));
await model.dispose();
process.exit(0);
