/**
 * Who else is in the class and what they send, as pure functions.
 *
 * Every change may arrive twice or for somebody unknown (a notification can cross a resume); applying it again
 * changes nothing.
 */
import type { ParticipantInfo, ProducerInfo } from "../signalling/messages.ts";

export interface Participant extends Omit<ParticipantInfo, "producers" | "handRaised" | "handRaisedAt"> {
  readonly producers: readonly ProducerInfo[];
  /** Since when the hand is up, in Unix milliseconds; null while it is down. */
  readonly handRaisedAt: number | null;
}

export type Roster = ReadonlyMap<string, Participant>;

export interface Attributed {
  readonly producerId: string;
  readonly participantId: string;
}

export const EMPTY_ROSTER: Roster = new Map();

/** Everybody who is there; hands that were up in `before` stay where they were in the row. */
export function rosterOf(participants: readonly ParticipantInfo[], before: Roster = EMPTY_ROSTER): Roster {
  return new Map(participants.map((each) => [each.participantId, complete(each, before.get(each.participantId))]));
}

/** Whoever was there before goes on sending what they sent. */
export function withProducersOf(roster: Roster, before: Roster): Roster {
  const known = (id: string) => before.get(id)?.producers ?? [];
  return new Map([...roster].map(([id, each]) => [id, { ...each, producers: [...each.producers, ...known(id)] }]));
}

export function withParticipant(roster: Roster, joined: ParticipantInfo): Roster {
  return new Map(roster).set(joined.participantId, complete(joined));
}

export function withoutParticipant(roster: Roster, participantId: string): Roster {
  const rest = new Map(roster);
  rest.delete(participantId);
  return rest;
}

export function withProducer(roster: Roster, producer: ProducerInfo & Attributed): Roster {
  const { participantId, producerId, kind, paused } = producer;
  return changed(roster, participantId, (producers) => [
    ...producers.filter((each) => each.producerId !== producerId),
    { producerId, kind, paused },
  ]);
}

export function withoutProducer(roster: Roster, { participantId, producerId }: Attributed): Roster {
  return changed(roster, participantId, (producers) => producers.filter((each) => each.producerId !== producerId));
}

/** The same people, sending nothing. */
export function withoutProducers(roster: Roster): Roster {
  return new Map([...roster].map(([id, participant]) => [id, { ...participant, producers: [] }]));
}

export function withProducerPaused(roster: Roster, { participantId, producerId }: Attributed, paused: boolean): Roster {
  return changed(roster, participantId, (producers) =>
    producers.map((each) => (each.producerId === producerId ? { ...each, paused } : each)),
  );
}

/** Everything that the others send, by producer id. */
export function producersById(roster: Roster): Map<string, ProducerInfo> {
  const producers = [...roster.values()].flatMap((each) => each.producers);
  return new Map(producers.map((producer) => [producer.producerId, producer]));
}

/** What a participant sends of one kind; the newest when there are several. */
export function producerOf(participant: Participant, kind: ProducerInfo["kind"]): ProducerInfo | undefined {
  return participant.producers.findLast((each) => each.kind === kind);
}

/** A hand went up or down; who has it up already keeps the place in the row. */
export function withHand(roster: Roster, participantId: string, raisedAt: number | null): Roster {
  const participant = roster.get(participantId);
  if (!participant) return roster;
  const handRaisedAt = raisedAt === null ? null : (participant.handRaisedAt ?? raisedAt);
  return new Map(roster).set(participantId, { ...participant, handRaisedAt });
}

/** Who has a hand up, the first one first. */
export function handsOf(roster: Roster): Participant[] {
  const raised = [...roster.values()].filter(({ handRaisedAt }) => handRaisedAt !== null);
  return raised.sort((one, other) => (one.handRaisedAt ?? 0) - (other.handRaisedAt ?? 0));
}

function changed(
  roster: Roster,
  participantId: string,
  change: (producers: readonly ProducerInfo[]) => readonly ProducerInfo[],
): Roster {
  const participant = roster.get(participantId);
  if (!participant) return roster;
  return new Map(roster).set(participantId, { ...participant, producers: change(participant.producers) });
}

function complete(info: ParticipantInfo, before?: Participant): Participant {
  const raisedAt = info.handRaisedAt ?? before?.handRaisedAt ?? info.joinedAt;
  return { ...info, producers: info.producers ?? [], handRaisedAt: info.handRaised ? raisedAt : null };
}
