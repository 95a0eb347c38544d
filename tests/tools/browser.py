"""A headless browser that is spoken to over a pipe: what the show of the gallery looks with.

Nothing of a page comes from the network: every name is unknown to the browser, and it is told
that it is offline. The profile is a folder of its own that goes away with the browser."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MESSAGE_LIMIT = 64 << 20


def find():
    return next((path for path in map(shutil.which, NAMES) if path), None)


class Browser:
    def __init__(self, program, timeout=60):
        self.timeout, self.number, self.pending = timeout, 0, b""
        self.profile = tempfile.mkdtemp(prefix="gallery-browser-")
        to_read, self.to = os.pipe()
        self.come, from_write = os.pipe()

        def put_in_place():
            # Both ends first out of the way: one of them may be 3 or 4 already.
            read, write = os.dup(to_read), os.dup(from_write)
            high_read, high_write = os.dup(read), os.dup(write)
            os.dup2(high_read, 3)
            os.dup2(high_write, 4)

        arguments = [program, "--headless", "--remote-debugging-pipe", "--disable-gpu",
                     "--no-first-run", "--disable-extensions", "--disable-background-networking",
                     "--disable-component-update", "--hide-scrollbars",
                     "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + self.profile]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        self.process = subprocess.Popen(
            arguments + ["about:blank"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, preexec_fn=put_in_place, close_fds=False,
            env=dict(os.environ, HOME=self.profile))
        os.close(to_read)
        os.close(from_write)
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")
        self.call("Network.emulateNetworkConditions", offline=True, latency=0,
                  downloadThroughput=0, uploadThroughput=0)
        self.frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]

    def receive(self, deadline):
        while b"\0" not in self.pending:
            ready, _, _ = select.select([self.come], [], [], max(0, deadline - time.monotonic()))
            block = os.read(self.come, 1 << 20) if ready else b""
            if not block or len(self.pending) > MESSAGE_LIMIT:
                raise RuntimeError("the browser says nothing" if not block else "too long")
            self.pending += block
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        deadline = time.monotonic() + self.timeout
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def show(self, html, width, dark=False):
        """Puts the page up, so wide and as if the reader's screen were dark or light."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800,
                  deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.setDocumentContent", frameId=self.frame, html=html)

    def ask(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def picture(self, width):
        height = int(self.call("Page.getLayoutMetrics")["cssContentSize"]["height"])
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 16000), "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", clip=clip,
                                          captureBeyondViewport=True)["data"])

    def close(self):
        os.close(self.to)
        os.close(self.come)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        shutil.rmtree(self.profile, ignore_errors=True)
