import { Component, type ReactNode } from "react";
import { AlertIcon } from "./icons.tsx";
import { refusalReason } from "./outbox.ts";

interface Props {
  title: string;
  /** What to say where the server gave no reason that is meant for people. */
  advice: string;
  children: ReactNode;
}

/** Shows why its children could not be shown: a live query that the server refuses throws in them. */
export class Recovery extends Component<Props, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div className="blank" role="alert" data-testid="failure">
        <AlertIcon />
        <h2>{this.props.title}</h2>
        <p>{refusalReason(this.state.error, this.props.advice)}</p>
        <button type="button" className="button" onClick={() => this.setState({ error: null })}>
          Try again
        </button>
      </div>
    );
  }
}
