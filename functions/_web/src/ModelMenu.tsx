import { useQuery } from "convex/react";
import { useEffect, useId, useRef, useState, useSyncExternalStore } from "react";
import { api } from "./api.ts";
import { ChevronIcon } from "./icons.tsx";
import { isModelName, modelTitle, offersOf, type ModelChoice } from "./model.ts";

/** Which model answers: those that need no key, or any other by its name. */
export function ModelMenu({ choice }: { choice: ModelChoice }) {
  const chosen = useSyncExternalStore(choice.subscribe, choice.get);
  const offers = offersOf(useQuery(api.models.list, {}) ?? []);
  const current = chosen || (offers[0]?.name ?? "");
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panelId = useId();

  useEffect(() => {
    if (!isOpen) return;
    root.current?.querySelector<HTMLInputElement>("input:checked")?.focus();
    const closeOutside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    addEventListener("pointerdown", closeOutside);
    addEventListener("focusin", closeOutside);
    return () => {
      removeEventListener("pointerdown", closeOutside);
      removeEventListener("focusin", closeOutside);
    };
  }, [isOpen]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };

  return (
    <div
      ref={root}
      className="model"
      onKeyDown={(event) => {
        if (!isOpen || (event.key !== "Escape" && event.key !== "Enter")) return;
        // Escape would stop the answer, Enter would send the message.
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <button
        ref={button}
        type="button"
        className="mini"
        aria-expanded={isOpen}
        aria-controls={panelId}
        aria-label={`Model: ${current === "" ? "default" : modelTitle(current)}`}
        title={current}
        data-testid="model"
        onClick={() => setOpen(!isOpen)}
      >
        <span className="model-name">{current === "" ? "Default" : modelTitle(current)}</span>
        <ChevronIcon />
      </button>
      {isOpen && (
        <fieldset id={panelId} className="model-panel" data-testid="model-panel">
          <legend>Who answers</legend>
          {offers.map((offer) => (
            <label key={offer.name} className="model-offer">
              <input
                type="radio"
                name={`${panelId}-model`}
                value={offer.name}
                checked={offer.name === current}
                onChange={() => choice.set(offer.name)}
              />
              <span>
                <span className="model-title">{offer.title}</span>
                <span className="model-note">{offer.note}</span>
              </span>
            </label>
          ))}
          <OtherModel
            chosen={offers.some((offer) => offer.name === current) ? "" : current}
            onChoose={choice.set}
          />
        </fieldset>
      )}
    </div>
  );
}

function OtherModel({ chosen, onChoose }: { chosen: string; onChoose: (name: string) => void }) {
  const [text, setText] = useState(chosen);
  const isWrong = text !== "" && !isModelName(text);
  const hint = useId();
  return (
    <div className="model-other">
      <input
        value={text}
        placeholder="another: provider/model"
        aria-label="Another model, as provider/model"
        aria-describedby={hint}
        aria-invalid={isWrong}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        data-testid="model-other"
        onChange={(event) => {
          const name = event.target.value.trim();
          setText(name);
          if (isModelName(name)) onChoose(name);
        }}
      />
      <p id={hint} className="model-note">
        {chosen !== "" && text === chosen
          ? "Chosen."
          : "openai/…, anthropic/… or openrouter/…; needs the server's key"}
      </p>
    </div>
  );
}
