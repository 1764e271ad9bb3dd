// Latent vectors of a seed: those that `keras_gans` draws in Python.

// Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3": Philox
// 4x32 with 10 rounds. `counter` has four, `key` two numbers of 32 bits.
function philox(counter, key) {
  let [a, b, c, d] = counter;
  let [k, l] = key;
  for (let round = 0; round < 10; round++) {
    const first = BigInt(a) * 0xd2511f53n;
    const second = BigInt(c) * 0xcd9e8d57n;
    a = (Number(second >> 32n) ^ b ^ k) >>> 0;
    b = Number(second & 0xffffffffn);
    c = (Number(first >> 32n) ^ d ^ l) >>> 0;
    d = Number(first & 0xffffffffn);
    k = (k + 0x9e3779b9) >>> 0;
    l = (l + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

// As TensorFlow's stateless operations make a key and a counter of a seed.
function bits(seed, count) {
  const whole = BigInt.asUintN(64, seed);
  const halves = [Number(whole & 0xffffffffn), Number(whole >> 32n)];
  const mixed = philox([...halves, 0, 0], [0x3ec8f720, 0x02461e29]);
  const found = [];
  for (let block = 0; found.length < count; block++)
    found.push(...philox([block, 0, ...mixed.slice(2)], mixed.slice(0, 2)));
  return found.slice(0, count);
}

const polynomial = (x, coefficients) =>
  coefficients.reduceRight((sum, one) => sum * x + one, 0);

// The inverse of the normal distribution function, to 16 digits: Wichura 1988,
// "The percentage points of the normal distribution", algorithm AS 241.
export function quantile(p) {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(r, [
      3.387132872796366608, 133.14166789178437745, 1971.5909503065514427,
      13731.693765509461125, 45921.953931549871457, 67265.770927008700853,
      33430.575583588128105, 2509.0809287301226727,
    ])) / polynomial(r, [
      1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077,
      21213.794301586595867, 39307.89580009271061, 28729.085735721942674,
      5226.495278852854561,
    ]);
  }
  let r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
  let tail;
  if (r <= 5) {
    r -= 1.6;
    tail = polynomial(r, [
      1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055,
      3.64784832476320460504, 1.27045825245236838258, 0.24178072517745061177,
      0.0227238449892691845833, 7.7454501427834140764e-4,
    ]) / polynomial(r, [
      1, 2.05319162663775882187, 1.6763848301838038494, 0.68976733498510000455,
      0.14810397642748007459, 0.0151986665636164571966,
      5.475938084995344946e-4, 1.05075007164441684324e-9,
    ]);
  } else {
    r -= 5;
    tail = polynomial(r, [
      6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358,
      0.29656057182850489123, 0.026532189526576123093,
      0.0012426609473880784386, 2.71155556874348757815e-5,
      2.01033439929228813265e-7,
    ]) / polynomial(r, [
      1, 0.59983220655588793769, 0.13692988092273580531,
      0.0148753612908506148525, 7.868691311456132591e-4,
      1.84631831751005468180e-5, 1.4215117583164458887e-7,
      2.04426310338993978564e-15,
    ]);
  }
  return q < 0 ? -tail : tail;
}

// What lies below -limit, by halving.
function below(limit) {
  let [low, high] = [0, 0.5];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (quantile(middle) < -limit) low = middle;
    else high = middle;
  }
  return high;
}

// The first vector of a seed. `truncation`: null, or the largest number.
export function draw({size, distribution}, seed, truncation = null) {
  const parts = bits(seed, size).map((one) => (one + 0.5) / 2 ** 32);
  if (distribution === "uniform")
    return Float32Array.from(parts, (one) => (2 * one - 1) * (truncation ?? 1));
  const tail = truncation === null ? 0 : below(truncation);
  return Float32Array.from(parts, (one) => quantile(tail + (1 - 2 * tail) * one));
}
