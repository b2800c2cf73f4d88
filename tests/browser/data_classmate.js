// A participant without a page: mediasoup-client's Device over our signalling, for data channels.
// `mediasoupClient` is the bundle of the package, put into the page before this.

globalThis.dataClassmate = async (email, password, roomId) => {
  const post = async (path, body, token) => {
    const headers = { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
    const answer = await fetch(`/api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return answer.json();
  };
  const { access_token: token } = await post("auth/login", { email, password });
  const { ticket } = await post("signalling/ticket", {}, token);
  const socket = new WebSocket(`ws://${location.host}/ws?ticket=${ticket}`, "protoo");
  const waiting = new Map();
  const notifications = [];
  let lastId = 0;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.notification) notifications.push(message);
    if (!message.response) return;
    const { resolve, reject } = waiting.get(message.id);
    if (message.ok) resolve(message.data);
    else reject(new Error(`${message.code}: ${message.errorReason}`));
  };
  const request = (method, data) =>
    new Promise((resolve, reject) => {
      waiting.set(++lastId, { resolve, reject });
      socket.send(JSON.stringify({ request: true, id: lastId, method, data }));
    });
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));

  const joined = await request("join-room", { roomId });
  const device = new mediasoupClient.Device();
  await device.load({ routerRtpCapabilities: joined.routerRtpCapabilities });

  const openTransport = async (direction) => {
    const { transportId: id, ...offered } = await request("create-transport", { direction, enableSctp: true });
    const options = { id, ...offered };
    const transport = direction === "send" ? device.createSendTransport(options) : device.createRecvTransport(options);
    transport.on("connect", ({ dtlsParameters }, done, fail) => {
      request("connect-transport", { transportId: id, dtlsParameters }).then(done, fail);
    });
    transport.on("producedata", ({ sctpStreamParameters, label, protocol, appData }, done, fail) => {
      request("produce-data", { transportId: id, sctpStreamParameters, label, protocol, appData })
        .then(({ dataProducerId }) => done({ id: dataProducerId }), fail);
    });
    return transport;
  };
  const sending = await openTransport("send");
  const receiving = await openTransport("recv");
  const producers = new Map();
  const consumers = new Map();

  return {
    notifications,
    async produce(options) {
      const producer = await sending.produceData(options);
      producers.set(producer.id, producer);
      if (producer.readyState !== "open") await new Promise((resolve) => producer.on("open", resolve));
      return { id: producer.id, stream: producer.sctpStreamParameters };
    },
    async consume(dataProducerId) {
      const { dataConsumerId: id, sctpStreamParameters, label, protocol } = await request("consume-data", {
        dataProducerId,
        transportId: receiving.id,
      });
      const consumer = await receiving.consumeData({ id, dataProducerId, sctpStreamParameters, label, protocol });
      const messages = [];
      consumers.set(dataProducerId, { id, consumer, messages });
      consumer.binaryType = "arraybuffer";
      consumer.on("message", (data) => messages.push(typeof data === "string" ? data : new Uint8Array(data)));
      if (consumer.readyState !== "open") await new Promise((resolve) => consumer.on("open", resolve));
      return { id, stream: sctpStreamParameters };
    },
    send: (id, text) => producers.get(id).send(text),
    sendBytes: (id, size) => producers.get(id).send(new Uint8Array(size).map((_, at) => at % 251)),
    // Texts as they came; of bytes their number, if they are those of `sendBytes`.
    heard: (dataProducerId) =>
      consumers.get(dataProducerId).messages.map((message) =>
        typeof message === "string" ? message : message.every((byte, at) => byte === at % 251) && message.length),
    stateOf: (dataProducerId) => consumers.get(dataProducerId).consumer.readyState,
    closeConsumer: (dataProducerId) =>
      request("close-data-consumer", { dataConsumerId: consumers.get(dataProducerId).id }),
    closeProducer(id) {
      producers.get(id).close();
      return request("close-data-producer", { dataProducerId: id });
    },
    statsOf: (dataProducerId) => request("get-stats", { dataProducerId }),
  };
};
