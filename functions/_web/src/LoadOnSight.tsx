import { useEffect, useRef } from "react";

interface Props {
  label: string;
  onSight: () => void;
}

/** Loads more as soon as it comes near the view; a button too, for those who don't scroll. */
export function LoadOnSight({ label, onSight }: Props) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(onSight);
  useEffect(() => {
    latest.current = onSight;
  });

  useEffect(() => {
    if (!button.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) latest.current();
      },
      { rootMargin: "240px" },
    );
    observer.observe(button.current);
    return () => observer.disconnect();
  }, []);

  return (
    <button
      ref={button}
      type="button"
      className="load-more"
      data-testid="load-more"
      onClick={onSight}
    >
      {label}
    </button>
  );
}
