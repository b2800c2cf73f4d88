// Runs in every page of the browser tests before the page's own script, and lets a test see what the page's media does.
(() => {
  const connections = [];
  const violations = [];
  const Native = window.RTCPeerConnection;

  window.RTCPeerConnection = class extends Native {
    constructor(...settings) {
      super(...settings);
      connections.push(this);
    }
  };
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
    violations.push(`${violatedDirective} ${blockedURI}`);
  });

  const phases = [];
  new MutationObserver(() => {
    const phase = document.querySelector("[data-phase]")?.dataset.phase;
    if (phase !== "joining" && phase && phase !== phases.at(-1)) phases.push(phase);
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-phase"] });

  const open = () => connections.filter(({ connectionState }) => connectionState !== "closed");

  async function inbound(trackId) {
    for (const connection of open()) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type === "inbound-rtp" && report.trackIdentifier === trackId) return report;
      }
    }
    return null;
  }

  const tileOf = (participantId) => document.querySelector(`[data-participant-id="${CSS.escape(participantId)}"]`);
  const trackIn = (participantId, element) => tileOf(participantId)?.querySelector(element)?.srcObject?.getTracks()[0]?.id;

  const measures = {
    framesDecoded: async (id) => (await inbound(trackIn(id, "video")))?.framesDecoded ?? 0,
    totalAudioEnergy: async (id) => (await inbound(trackIn(id, "audio")))?.totalAudioEnergy ?? 0,
  };

  function pixels(participantId) {
    const video = tileOf(participantId)?.querySelector("video");
    if (!video?.videoWidth) return null;
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  }

  // Share of the pixels of a small copy that differ visibly.
  function difference(before, after) {
    let differing = 0;
    for (let index = 0; index < before.length; index += 4) {
      if (Math.abs(before[index + 1] - after[index + 1]) > 24) differing++;
    }
    return differing / (before.length / 4);
  }

  async function until(look, withinMs, complaint) {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const seen = await look();
      if (seen !== null && seen !== undefined && seen !== false) return seen;
      if (performance.now() > deadline) throw new Error(typeof complaint === "string" ? complaint : complaint());
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  window.testProbes = {
    violations,
    // Resolves with the growth of a measure of a participant's media once it is at least `by` more than at the call.
    async growth(measure, participantId, by, withinMs) {
      const before = await measures[measure](participantId);
      const grown = async () => {
        const grownBy = (await measures[measure](participantId)) - before;
        return grownBy >= by ? grownBy : null;
      };
      return until(grown, withinMs, `${measure} of ${participantId} did not grow by ${by} from ${before}`);
    },
    // Resolves once a participant's picture has come to differ from what it was at the call.
    async movement(participantId, withinMs) {
      const first = await until(() => pixels(participantId), withinMs, `no picture of ${participantId}`);
      const moved = () => {
        const now = pixels(participantId);
        return now && difference(first, now) > 0.005;
      };
      return until(moved, withinMs, `the picture of ${participantId} stands still`);
    },
    // Resolves once the class has gone through these phases, joining left out.
    passed(expected, withinMs) {
      const complaint = () => `the class went through ${phases.join(", ")}, not through ${expected.join(", ")}`;
      return until(() => phases.join() === expected.join(), withinMs, complaint);
    },
    // Tracks that this page itself still captures, by kind.
    captured: () => ["microphone", "camera"].filter((kind) => window.testCaptured.some((track) => {
      return track.readyState === "live" && (track.kind === "audio") === (kind === "microphone");
    })),
  };

  window.testCaptured = [];
  window.testCamera = { width: 640, height: 360, frameRate: 20 };
  const devices = navigator.mediaDevices;
  const getUserMedia = devices?.getUserMedia.bind(devices);
  if (getUserMedia) {
    devices.getUserMedia = async (constraints) => {
      // Each page encodes in software, and all of them on one machine: a smaller camera, still in two sizes.
      const video = constraints.video && { ...constraints.video, ...window.testCamera };
      const stream = await getUserMedia({ ...constraints, video });
      window.testCaptured.push(...stream.getTracks());
      return stream;
    };
  }
})();
