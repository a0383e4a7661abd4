import { useEffect, useLayoutEffect, useRef } from "react";
import { PROMPT_LENGTH_MAX } from "./api.ts";
import { SendIcon } from "./icons.tsx";

/** From here on the page counts. The server has the last word on what is too long. */
const COUNT_FROM = PROMPT_LENGTH_MAX * 0.9;

interface Props {
  draft: string;
  onChange: (text: string) => void;
  onSend: (text: string) => void;
}

export function Composer({ draft, onChange, onSend }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const length = [...draft.trim()].length;

  useEffect(() => {
    // On a phone, focus would open the keyboard over a thread that one only wants to read.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, []);
  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [draft]);

  const submit = () => {
    if (length === 0) return;
    onSend(draft.trim());
    field.current?.focus();
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="composer-box">
        <textarea
          ref={field}
          rows={1}
          value={draft}
          placeholder="Write a message"
          aria-label="Message"
          aria-describedby="composer-hint"
          data-testid="composer"
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={(event) => {
            // Enter also confirms a word that an input method is composing.
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        <button
          type="submit"
          className="send"
          aria-label="Send"
          disabled={length === 0}
          data-testid="send"
        >
          <SendIcon />
        </button>
      </div>
      <p className="composer-foot">
        <span id="composer-hint">
          <kbd>Enter</kbd> sends, <kbd>Shift</kbd> + <kbd>Enter</kbd> begins a new line
        </span>
        {length > COUNT_FROM && (
          <span className="count" data-over={length > PROMPT_LENGTH_MAX}>
            {length.toLocaleString()} / {PROMPT_LENGTH_MAX.toLocaleString()}
          </span>
        )}
      </p>
    </form>
  );
}
