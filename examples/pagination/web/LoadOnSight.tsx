import { useEffect, useRef } from "react";

/** A button at the end of a list that presses itself when one scrolls near it. */
export function LoadOnSight({ load }: { load: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const seen = ([entry]: IntersectionObserverEntry[]) => entry?.isIntersecting && load();
    const observer = new IntersectionObserver(seen, { rootMargin: "300px" });
    observer.observe(button.current!);
    return () => observer.disconnect();
  });
  return (
    <p>
      <button ref={button} type="button" onClick={load}>
        More
      </button>
    </p>
  );
}
