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

  // What is received of a participant: the reports of both tracks and of the way that their packets take.
  async function reception(participantId) {
    const tracks = { video: trackIn(participantId, "video"), audio: trackIn(participantId, "audio") };
    const received = { at: performance.now() / 1000, video: null, audio: null, pair: null, remote: null };
    for (const connection of open()) {
      const reports = await connection.getStats();
      for (const report of reports.values()) {
        if (report.type !== "inbound-rtp" || report.trackIdentifier !== tracks[report.kind]) continue;
        received[report.kind] = report;
        received.pair = reports.get(reports.get(report.transportId)?.selectedCandidatePairId) ?? null;
        received.remote = reports.get(received.pair?.remoteCandidateId) ?? null;
      }
    }
    return received;
  }

  let sampling = null;

  async function sample(participantId, everyMs) {
    const own = (sampling = { samples: [] });
    while (sampling === own) {
      const { at, video, audio } = await reception(participantId);
      own.samples.push({ at, video, audio });
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }

  async function inbound(trackId) {
    for (const connection of open()) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type === "inbound-rtp" && report.trackIdentifier === trackId) return report;
      }
    }
    return null;
  }

  async function framesSent() {
    const frames = new Map();
    for (const connection of open()) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type === "outbound-rtp" && report.kind === "video") frames.set(report.rid, report.framesSent ?? 0);
      }
    }
    return frames;
  }

  // The local candidates by which the page's connections are held at the moment.
  async function ways() {
    const candidates = [];
    for (const connection of open()) {
      const reports = await connection.getStats();
      for (const { type, selectedCandidatePairId } of [...reports.values()]) {
        const pair = type === "transport" && reports.get(selectedCandidatePairId);
        if (pair) candidates.push(reports.get(pair.localCandidateId));
      }
    }
    return candidates;
  }

  const isConnected = ({ connectionState }) => connectionState === "connected";

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
    reception,
    ways,
    // The username fragments that the other ends of the page's connections have.
    iceCredentials: () => open().map(({ remoteDescription }) => /a=ice-ufrag:(\S+)/.exec(remoteDescription?.sdp)?.[1]),
    // Looks at what is received of a participant again and again, until `samples` takes what was seen.
    startSampling(participantId, everyMs) {
      void sample(participantId, everyMs);
    },
    samples() {
      const { samples } = sampling;
      sampling = null;
      return samples;
    },
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
    // Resolves once a participant's picture arrives in frames of this height.
    pictureHeight(participantId, height, withinMs) {
      const video = () => tileOf(participantId)?.querySelector("video");
      const complaint = () => `the picture of ${participantId} is ${video()?.videoHeight} high, not ${height}`;
      return until(() => video()?.videoHeight === height, withinMs, complaint);
    },
    // Resolves once exactly these sizes of our camera, named by their RIDs, are encoded.
    sending(rids, withinMs) {
      let seen = [];
      const look = async () => {
        const before = await framesSent();
        await new Promise((resolve) => setTimeout(resolve, 1000));
        const after = await framesSent();
        seen = [...after.keys()].filter((rid) => after.get(rid) > (before.get(rid) ?? 0)).sort();
        return seen.join() === rids.join();
      };
      return until(look, withinMs, () => `what is sent is ${seen.join()}, not ${rids.join()}`);
    },
    // Resolves once no more frames of a participant's picture arrive.
    standstill(participantId, withinMs) {
      const look = async () => {
        const before = await measures.framesDecoded(participantId);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return (await measures.framesDecoded(participantId)) === before;
      };
      return until(look, withinMs, `the picture of ${participantId} goes on`);
    },
    // Makes the page believe that its tab is hidden, or seen again.
    hide(hidden) {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    },
    // Resolves once every open connection has other ICE credentials than it had at first, and is connected.
    async restarted(withinMs) {
      const ufrags = () => open().map(({ localDescription }) => /a=ice-ufrag:(\S+)/.exec(localDescription?.sdp ?? "")?.[1]);
      const first = ufrags();
      dispatchEvent(new Event("online"));
      const look = () => ufrags().every((ufrag, index) => ufrag !== first[index]) && open().every(isConnected);
      return until(look, withinMs, () => `ICE was not restarted: ${first.join()}, now ${ufrags().join()}`);
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
