/** Plays what the server sends: one `<audio>` element for each slot, all of them at once. */
export class RemoteAudio {
  readonly #elements = new Map<string, HTMLAudioElement>();
  readonly #onBlocked: (blocked: boolean) => void;
  #container: HTMLElement | null = null;

  /** `onBlocked` tells whether the browser refuses to play before the person has clicked something. */
  constructor(onBlocked: (blocked: boolean) => void) {
    this.#onBlocked = onBlocked;
  }

  /** Plays `track` in the slot `mid`, in place of what was there. */
  attach(mid: string, track: MediaStreamTrack): void {
    let element = this.#elements.get(mid);
    if (!element) {
      element = document.createElement('audio');
      element.autoplay = true;
      element.dataset.slot = mid;
      this.#elements.set(mid, element);
      this.#home().append(element);
    }
    element.srcObject = new MediaStream([track]);
    this.#play(element);
  }

  /** Tries again; to be called while a click is handled. */
  unlock(): void {
    this.#onBlocked(false);
    for (const element of this.#elements.values()) this.#play(element);
  }

  clear(): void {
    for (const element of this.#elements.values()) {
      element.srcObject = null;
      element.remove();
    }
    this.#elements.clear();
    this.#container?.remove();
    this.#container = null;
  }

  #play(element: HTMLAudioElement): void {
    element.play().catch((error: unknown) => {
      // An AbortError only says that the next track came before this one began.
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#onBlocked(true);
    });
  }

  #home(): HTMLElement {
    if (!this.#container) {
      this.#container = document.createElement('div');
      this.#container.hidden = true;
      document.body.append(this.#container);
    }
    return this.#container;
  }
}
