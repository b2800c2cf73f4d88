import { useEffect, useRef } from "preact/hooks";
import type { View } from "../media/reception.ts";
import { useView } from "./use-view.ts";

interface VideoProps {
  readonly track: MediaStreamTrack | null;
  readonly mirrored?: boolean;
  readonly label: string;
  /** Where it is shown has changed. */
  readonly onView?: (view: View) => void;
}

/** A picture without sound; the sound has an element of its own. */
export function VideoView({ track, mirrored = false, label, onView }: VideoProps) {
  const element = useRef<HTMLVideoElement>(null);
  useView(element, (view) => onView?.(view), track);
  useEffect(() => {
    const video = element.current;
    if (!video || !track) return undefined;
    video.srcObject = new MediaStream([track]);
    // A browser that is saving power may refuse; it plays when it is ready.
    video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
    };
  }, [track]);
  return <video ref={element} class={mirrored ? "mirrored" : ""} autoplay playsInline muted aria-label={label} />;
}

interface AudioProps {
  readonly track: MediaStreamTrack;
  /** The browser refused before; a change of this makes it try again. */
  readonly blocked: boolean;
  readonly onBlocked: () => void;
}

/** The sound of one participant. */
export function AudioView({ track, blocked, onBlocked }: AudioProps) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const audio = element.current;
    if (!audio) return undefined;
    audio.srcObject = new MediaStream([track]);
    return () => {
      audio.srcObject = null;
    };
  }, [track]);
  useEffect(() => {
    if (blocked) return;
    element.current?.play().catch((error: unknown) => {
      if ((error as Error).name === "NotAllowedError") onBlocked();
    });
  }, [track, blocked]);
  return <audio ref={element} autoplay />;
}
