const BARS = 41;

/** A voice, drawn: three speakers whose turns overlap. */
export function Wave({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 410 220" className={className} aria-hidden="true">
      {Array.from({ length: BARS }, (_, i) => {
        const x = i / (BARS - 1);
        const turn = (centre: number, width: number) => Math.exp(-(((x - centre) / width) ** 2));
        const envelope = 0.95 * turn(0.24, 0.13) + 0.75 * turn(0.55, 0.1) + 1.05 * turn(0.8, 0.11);
        const syllables = 0.55 + 0.45 * Math.abs(Math.sin(i * 1.93) * Math.cos(i * 0.71));
        const height = 8 + 180 * envelope * syllables;
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: the bars never change places
            key={i}
            x={i * 10 + 2.4}
            y={110 - height / 2}
            width="5.2"
            height={height}
            rx="2.6"
            fill="currentColor"
            opacity={0.22 + 0.7 * Math.min(1, envelope)}
          />
        );
      })}
    </svg>
  );
}
