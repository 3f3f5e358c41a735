import type { ClientMessage, ServerMessage } from '@/protocol/generated';

type Sent = ClientMessage & { id?: number };

/** A `WebSocket` for tests: what the client sends is kept, what the server says is told by the test. */
export class FakeSocket {
  static all: FakeSocket[] = [];
  readonly url: string;
  readonly sent: Sent[] = [];
  closed = false;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  static create(this: void, url: string): WebSocket {
    return new FakeSocket(url) as unknown as WebSocket;
  }

  /** The newest one. */
  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Sent);
  }

  close(): void {
    this.closed = true;
  }

  welcome(): void {
    this.say({
      type: 'welcome',
      protocolVersion: 1,
      userId: 'u1',
      pingIntervalSeconds: 15,
      resumeWindowSeconds: 15,
      maxMessageBytes: 98_304,
    });
  }

  say(message: ServerMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** Answers the newest message of this type. */
  answer(type: ClientMessage['type'], message: ServerMessage): void {
    const request = this.sent.findLast((m) => m.type === type);
    if (!request) throw new Error(`no "${type}" was sent`);
    this.say({ ...message, ...(request.id !== undefined && { replyTo: request.id }) } as ServerMessage);
  }

  drop(code = 1006): void {
    this.onclose?.({ code });
  }

  of(type: ClientMessage['type']): Sent[] {
    return this.sent.filter((m) => m.type === type);
  }
}
