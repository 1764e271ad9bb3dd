// Widgets of the inputs that a verb declares in model.json, and its result.
import {draw} from "./latents.js";

const MOST_FILE = 100e6; // bytes of an image
const $ = (id) => document.getElementById(id);
let about, verb, name;
let picked = null; // {image: ImageBitmap, stem}
let picks = 0; // how often one was chosen
let drawn = null; // canvas of what the worker was given
let readers = {}; // input -> function that returns [type, data, shape]
let stem; // of the file to download
let worker = null;
let waiting = false; // whether inputs changed while the worker ran
let isRunning = false;

// Return an element with properties and children.
function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const field = (text, ...children) =>
  make("div", {className: "field"}, make("span", {className: "name", textContent: text}), ...children);
const plain = (text) => text.replaceAll("_", " ");
const floats = (values) => ["float32", Float32Array.from(values), [1, values.length]];

function say(text, isWrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", isWrong);
}

const widgets = {
  images(declared) {
    const file = make("input", {type: "file", id: "file", accept: "image/*"});
    file.onchange = () => file.files.length && pick(file.files[0]);
    file.onclick = () => { file.value = ""; }; // the same one may be chosen again
    const side = make("select", {id: "side"});
    for (const most of [256, 512, 1024, 2048])
      side.append(new Option(`${most} pixels`, most));
    side.append(new Option("its own", Infinity));
    // At their own size large images take a network minutes.
    side.value = declared.multiple === null ? 2048 : 512;
    side.onchange = run;
    $("inputs").append(
      make("label", {className: "drop"}, make("strong", {textContent: "Choose an image"}),
        make("span", {className: "name", textContent: "or drop or paste one here"}), file),
      field("Longest side at most", side),
    );
    return () => pixels(Number(side.value));
  },

  labels({names, exclusive}) {
    const places = names.flat();
    const fields = make("div", {className: "field"});
    let shown = 0;
    const fill = () => {
      fields.replaceChildren();
      const alone = names[shown].filter((one) => !exclusive.flat().includes(one));
      const groups = exclusive.filter((group) => names[shown].includes(group[0]));
      for (const [i, group] of [...groups, alone].entries()) {
        const isRadio = group !== alone;
        const boxes = group.map((one, j) => make("label", {},
          make("input", {
            type: isRadio ? "radio" : "checkbox", name: `group ${i}`, value: one, checked: isRadio && !j, onchange: run,
          }), ` ${plain(one)}`));
        const legend = make("legend", {textContent: isRadio ? "One of" : "Any of"});
        if (boxes.length) fields.append(make("fieldset", {}, legend, ...boxes));
      }
    };
    if (names.length > 1) {
      const sets = make("select");
      names.forEach((set, i) => sets.append(new Option(set.map(plain).join(", "), i)));
      sets.onchange = () => { shown = Number(sets.value); fill(); run(); };
      $("inputs").append(field("Labels of", sets));
    }
    fill();
    $("inputs").append(fields);
    return () => {
      const on = new Set([...fields.querySelectorAll(":checked")].map((box) => box.value));
      const mask = names.length > 1 ? names.map((_, i) => +(i === shown)) : [];
      return floats([...places.map((one) => +on.has(one)), ...mask]);
    };
  },

  latents(declared) {
    const seed = make("input", {type: "text", id: "seed", inputMode: "numeric", pattern: "-?[0-9]{1,18}", value: "0", onchange: run});
    seed.ariaLabel = "Seed";
    const next = make("button", {type: "button", id: "new", textContent: "New"});
    next.onclick = () => { seed.value = crypto.getRandomValues(new Uint32Array(1))[0]; run(); };
    const most = declared.distribution === "uniform" ? 1 : 3;
    const limit = make("input", {type: "range", id: "truncation", min: 0.1, max: most, step: 0.1, value: most});
    const shown = make("output", {textContent: "none"});
    limit.oninput = () => { shown.textContent = limit.value < most ? limit.value : "none"; run(); };
    $("inputs").append(field("Seed", make("div", {className: "row"}, seed, next)),
      make("label", {className: "field"}, make("span", {className: "name"}, "Truncation: ", shown), limit));
    return () => {
      if (!seed.value || !seed.checkValidity()) throw new Error("Seed must be a whole number of at most 18 digits.");
      stem = `seed${BigInt(seed.value)}`;
      return floats(draw(declared, BigInt(seed.value), limit.value < most ? Number(limit.value) : null));
    };
  },

  amounts({names}) {
    const sliders = names.map((one) => {
      const slider = make("input", {type: "range", min: -3, max: 3, step: 0.1, value: 0});
      const shown = make("output", {textContent: "0"});
      slider.oninput = () => { shown.textContent = slider.value; run(); };
      $("inputs").append(make("label", {className: "field"},
        make("span", {className: "name"}, `${plain(one)}: `, shown), slider));
      return slider;
    });
    return () => floats(sliders.map((slider) => Number(slider.value)));
  },
};

// The chosen image, at most so long; it is shown beside its result alone.
function pixels(most) {
  const {image} = picked;
  const scale = Math.min(1, most / Math.max(image.width, image.height));
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  if (width * height > verb.pixel_limit)
    throw new Error(`The image has ${width} x ${height} pixels; choose a smaller longest side.`);
  drawn = make("canvas", {width, height});
  const context = drawn.getContext("2d", {willReadFrequently: true});
  context.fillStyle = "white"; // behind what is transparent
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  const {data} = context.getImageData(0, 0, width, height);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; i < data.length; i += 4) {
    rgb[j++] = data[i];
    rgb[j++] = data[i + 1];
    rgb[j++] = data[i + 2];
  }
  return ["uint8", rgb, [1, height, width, 3]];
}

async function pick(file) {
  const mine = ++picks;
  try {
    if (file.size > MOST_FILE) throw new Error("too large");
    // The numbers of the file, as in Python; its orientation is applied.
    const options = {colorSpaceConversion: "none", premultiplyAlpha: "none"};
    const image = await createImageBitmap(file, options);
    if (mine !== picks) return image.close(); // another was chosen meanwhile
    picked?.image.close();
    picked = {image, stem: file.name.replace(/\.[^.]*$/, "") || "image"};
  } catch (error) {
    if (mine === picks) say(`${file.name} cannot be read: ${error.message}`, true);
    return;
  }
  run();
}

// Run the verb on what is chosen now; while it runs, remember to run again.
function run() {
  waiting = isRunning;
  if (isRunning || (readers.images && !picked)) return;
  const feeds = {};
  try {
    if (picked) stem = `${picked.stem}_${name}`;
    for (const [input, read] of Object.entries(readers)) feeds[input] = read();
  } catch (error) {
    say(error.message, true);
    return;
  }
  if (!worker) {
    worker = new Worker("worker.js", {type: "module"});
    worker.onmessage = ({data}) => answer(data);
    worker.onerror = () => answer({error: "the scripts cannot be loaded"});
  }
  setRunning(true);
  say("Starting");
  worker.postMessage({verb: name, feeds});
}

function setRunning(is) {
  isRunning = is;
  for (const id of ["stop", "progress"]) $(id).hidden = !is;
  $("progress").removeAttribute("value");
}

function stop(text, isWrong = false) {
  worker?.terminate(); // it may be in any state
  worker = null;
  waiting = false;
  setRunning(false);
  say(text, isWrong);
}

async function answer(message) {
  if (message.error) {
    const isFull = /memory|alloc|OOM|^\d+$/i.test(message.error);
    stop(`This failed: ${message.error}` + (isFull ? ". Perhaps memory is full: choose a smaller image." : ""), true);
  } else if (message.url) {
    const {url, done, total} = message;
    say(`Loading ${url}: ${(done / 1e6).toFixed(1)} MB${total ? ` of ${(total / 1e6).toFixed(1)}` : ""}`);
    if (total) $("progress").value = done / total;
  } else if (message.running) {
    $("progress").removeAttribute("value");
    say("Running");
  } else {
    const mine = worker;
    if (verb.output) showShares(message.values);
    else await showImage(message);
    if (worker !== mine) return; // stopped meanwhile
    setRunning(false);
    say("Done");
    if (waiting) run();
  }
}

async function showImage({values, dims: [, height, width]}) {
  const canvas = Object.assign($("after"), {width, height});
  const shown = new ImageData(width, height);
  for (let i = 0, j = 0; j < values.length; i += 4) {
    shown.data[i] = values[j++];
    shown.data[i + 1] = values[j++];
    shown.data[i + 2] = values[j++];
    shown.data[i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(shown, 0, 0);
  $("stage").style.width = `${Math.max(width, Math.min(width * 8, 384))}px`;
  $("before").hidden = $("compare").hidden = !readers.images;
  if (readers.images) {
    Object.assign($("before"), {width: drawn.width, height: drawn.height});
    $("before").getContext("2d").drawImage(drawn, 0, 0);
  }
  $("result").hidden = false;
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  URL.revokeObjectURL($("download").href);
  Object.assign($("download"), {href: URL.createObjectURL(blob), download: `${stem}.png`});
}

function showShares(values) {
  $("shares").hidden = false;
  $("shares").replaceChildren(...verb.output.names.flat().map((one, i) => make("tr", {},
    make("th", {scope: "row", textContent: plain(one)}),
    make("td", {}, make("meter", {value: values[i]})),
    make("td", {textContent: `${Math.round(100 * values[i])} %`}))));
}

function choose() {
  name = $("verb").value;
  verb = about.verbs[name];
  $("inputs").replaceChildren();
  for (const id of ["result", "shares"]) $(id).hidden = true;
  readers = {};
  for (const [input, declared] of Object.entries(verb.inputs))
    readers[input] = widgets[declared.type](declared);
  if (isRunning) stop("");
  say(readers.images ? "Choose an image." : "");
  run();
}

$("inputs").onsubmit = (event) => event.preventDefault();
$("verb").onchange = choose;
$("stop").onclick = () => stop("Stopped");
$("cut").oninput = () => $("stage").style.setProperty("--cut", `${$("cut").value}%`);
for (const type of ["dragover", "dragleave", "drop"])
  document.addEventListener(type, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", type === "dragover");
    const file = type === "drop" && event.dataTransfer.files[0];
    if (file && readers.images) pick(file);
  });
document.addEventListener("paste", ({clipboardData}) => {
  if (clipboardData.files.length && readers.images) pick(clipboardData.files[0]);
});

try {
  const response = await fetch("model.json");
  if (!response.ok) throw new Error(String(response.status));
  about = await response.json();
  document.title = $("title").textContent = about.model;
  for (const one of Object.keys(about.verbs)) $("verb").append(new Option(plain(one), one));
  $("choice").hidden = Object.keys(about.verbs).length < 2;
  choose();
} catch (error) {
  say(`model.json cannot be loaded (${error.message})`, true);
}
