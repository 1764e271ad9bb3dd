// Runs the ONNX files, beside the page so that it stays responsive.
import * as ort from "./onnxruntime.js";

let loaded = {}; // the verb whose file is in memory

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be loaded (${response.status})`);
  // What is packed on the way has another length than it says.
  const packed = response.headers.get("Content-Encoding");
  const total = packed ? 0 : Number(response.headers.get("Content-Length"));
  const parts = [];
  let done = 0;
  const reader = response.body.getReader();
  for (;;) {
    const {value} = await reader.read();
    if (!value) return new Uint8Array(await new Blob(parts).arrayBuffer());
    parts.push(value);
    done += value.length;
    postMessage({url, done, total});
  }
}

async function run({verb, feeds}) {
  if (!ort.env.wasm.wasmBinary) {
    // Several threads would need headers that simple hosts do not send.
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = await fetched("onnxruntime.wasm");
  }
  if (loaded.verb !== verb) {
    await loaded.session?.release();
    loaded = {};
    const bytes = await fetched(`${encodeURIComponent(verb)}.onnx`);
    loaded = {verb, session: await ort.InferenceSession.create(bytes)};
  }
  postMessage({running: true});
  const {session} = loaded;
  const inputs = {};
  for (const [name, [type, data, shape]] of Object.entries(feeds))
    inputs[name] = new ort.Tensor(type, data, shape);
  const outputs = await session.run(inputs);
  return outputs[session.outputNames[0]];
}

onmessage = async ({data}) => {
  try {
    const {data: values, dims} = await run(data);
    postMessage({values, dims});
  } catch (error) {
    postMessage({error: String(error?.message ?? error)});
  }
};
