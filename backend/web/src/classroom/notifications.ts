import type { NotificationHandlers } from "../signalling/messages.ts";
import type { Classroom } from "./classroom.ts";
import * as roster from "./roster.ts";

const DEFAULT_RETRY_AFTER_S = 1;

/** What each of the server's notifications does to a class. */
export function notificationHandlers(classroom: Classroom): NotificationHandlers {
  const { media, chat, door } = classroom;
  const change = (next: (others: roster.Roster) => roster.Roster) => classroom.setOthers(next(classroom.state.value.others));
  return {
    "participant-joined": ({ participant }) => change((others) => roster.withParticipant(others, participant)),
    "participant-left": ({ participantId }) => change((others) => roster.withoutParticipant(others, participantId)),
    "participant-updated": ({ participantId, handRaised, handRaisedAt }) => {
      if (handRaised !== undefined) classroom.handChanged(participantId, handRaised ? (handRaisedAt ?? Date.now()) : null);
    },
    "new-producer": (producer) => change((others) => roster.withProducer(others, producer)),
    "producer-paused": (producer) => change((others) => roster.withProducerPaused(others, producer, true)),
    "producer-resumed": (producer) => change((others) => roster.withProducerPaused(others, producer, false)),
    "producer-closed": (producer) => {
      change((others) => roster.withoutProducer(others, producer));
      media.producerClosed(producer.producerId);
    },
    "consumer-closed": ({ consumerId, producerId }) => media.consumerClosed(consumerId, producerId),
    "consumer-layers-changed": ({ consumerId, spatialLayer }) => media.consumerLayersChanged(consumerId, spatialLayer),
    "producer-layers-wanted": ({ producerId, spatialLayer }) => media.producerLayersWanted(producerId, spatialLayer),
    "active-speaker": ({ participantId }) => classroom.state.patch({ speakerId: participantId }),
    "chat-message": (message) => chat.received(message),
    "waiting-updated": ({ waiting }) => classroom.state.patch({ waiting }),
    admitted: () => door.admitted(),
    "admission-denied": () => classroom.announce({ why: "denied" }),
    muted: ({ producerId }) => classroom.mutedByServer(producerId),
    kicked: () => classroom.announce({ why: "kicked" }),
    "room-updated": ({ room }) => classroom.setRoom(room),
    "room-closed": () => classroom.announce({ why: "closed" }),
    "sfu-unavailable": () => classroom.state.patch({ mediaServer: "down" }),
    "sfu-available": () => classroom.state.patch({ mediaServer: "up" }),
    "sfu-restarted": () => {
      // Nothing is announced as closed one by one; what the others make anew comes as new.
      change(roster.withoutProducers);
      void classroom.mediaServerRestarted();
    },
    "server-shutdown": ({ retryAfter }) => classroom.serverGoesDown((retryAfter ?? DEFAULT_RETRY_AFTER_S) * 1000),
  };
}
