"""Measure the studio in real browsers: `python -m tests.benchmarks.studio`.

    python -m tests.benchmarks.studio --model runs/dcgan --axes axes.npz

`--steps 50` moves a slider and tells how long the new image takes; `--browsers
10 --seconds 60` lets so many browsers move sliders at once and tells their
errors and the memory of the server. Needs chromium and playwright.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
# A new value of the first slider; the time until its image is there.
_STEP = """
async (amount) => {
  const image = () => [...document.querySelectorAll(".result img")].find(
    (one) => one.offsetParent);
  const slider = [...document.querySelectorAll(".axis input[type=range]")]
    .find((one) => one.offsetParent);
  const before = image().src, start = performance.now();
  slider.value = amount;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  while (image().src == before || !image().complete) {
    await new Promise((done) => setTimeout(done, 2));
    if (performance.now() - start > 30000) throw new Error("no image");
  }
  return performance.now() - start;
}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--axes", required=True)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--browsers", type=int, default=0)
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "keras_gans.studio", "--no-browser"),
            *("--model", arguments.model, "--axes", arguments.axes),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = next(line for line in server.stdout if "is open at" in line)
        address = line.split("open at ")[1].split(";")[0]
        threading.Thread(target=server.stdout.read, daemon=True).start()
        load = os.getloadavg()[0]
        print(f"load of the machine {load:.1f}; {os.cpu_count()} cores")
        if arguments.browsers:
            _many(arguments, address, server.pid)
        else:
            _one(arguments, address)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _one(arguments, address):
    times = _moves(address, arguments.steps, None)[3:]
    print(
        f"{len(times)} steps of a slider: median {np.median(times):.0f} ms, "
        f"90 % {np.percentile(times, 90):.0f} ms"
    )


def _many(arguments, address, pid):
    """Each browser is a process of its own, as Playwright has one thread."""
    print(f"server: {_megabytes(pid):.0f} MB before")
    end = time.monotonic() + arguments.seconds
    code = (
        "import sys; from tests.benchmarks import studio\n"
        "times = studio._moves(sys.argv[1], None, float(sys.argv[2]))\n"
        "print(len(times), sum(times))"
    )
    browsers = [
        subprocess.Popen(
            [sys.executable, "-c", code, address, str(arguments.seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(arguments.browsers)
    ]
    while any(browser.poll() is None for browser in browsers):
        time.sleep(10)
        rest = end - time.monotonic()
        print(f"server: {_megabytes(pid):.0f} MB, {rest:.0f} s left")
    counts, failed = [], 0
    for browser in browsers:
        output, errors = browser.communicate()
        if browser.returncode:
            failed += 1
            print(errors[-500:])
        else:
            counts.append(int(output.split()[0]))
    print(
        f"{arguments.browsers} browsers: {sum(counts)} images in "
        f"{arguments.seconds} s, each {min(counts, default=0)} to "
        f"{max(counts, default=0)}; {failed} failed"
    )


def _moves(address, steps, seconds):
    """Move a slider; return the milliseconds until each image was there."""
    from playwright.sync_api import sync_playwright

    amounts = np.random.default_rng(os.getpid()).uniform(-2, 2, 100_000)
    times = []
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=shutil.which("chromium"),
            args=list(_FLAGS),
        )
        browser.set_default_timeout(120_000)
        page = browser.new_page()
        page.goto(address)
        page.get_by_role("tab", name="Features", exact=True).click()
        page.locator(".axis input[type=range]:visible").first.wait_for()
        page.wait_for_timeout(1000)
        end = time.monotonic() + (seconds or 3600)
        for amount in amounts[:steps]:
            times.append(page.evaluate(_STEP, float(round(amount, 1))))
            if time.monotonic() > end:
                break
        browser.close()
    return times


def _megabytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main()
