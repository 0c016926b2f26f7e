// What the schema's input types are once `graphql` has read them: a Decimal is its digits, a Flag a boolean.

type Maybe<Value> = Value | null | undefined;

export interface AmountInput {
  readonly unit?: Maybe<string>;
  readonly value: string;
}

export interface ProductIdentifierInput {
  readonly productId?: Maybe<string>;
  readonly sku?: Maybe<string>;
}

export interface DeliveryTermsInput {
  readonly isPrimeEligible?: Maybe<boolean>;
  readonly deliverySpeed?: Maybe<string>;
}

export interface OfferLineItemInput {
  readonly product: { readonly productId?: Maybe<string>; readonly identifier?: Maybe<ProductIdentifierInput> };
  readonly amount: AmountInput;
  readonly deliveryTerms?: Maybe<DeliveryTermsInput>;
}

export interface AddressInput {
  readonly name?: Maybe<string>;
  readonly streetAddress?: Maybe<string>;
  readonly locality?: Maybe<string>;
  readonly region?: Maybe<string>;
  readonly countryCode?: Maybe<string>;
  readonly postalCode?: Maybe<string>;
}

export interface OffersInput {
  readonly lineItems: readonly OfferLineItemInput[];
  readonly location?: Maybe<{ readonly ipAddress?: Maybe<string>; readonly shippingAddress?: Maybe<AddressInput> }>;
  readonly shopperIdentity?: Maybe<{
    readonly lwaAccessToken?: Maybe<{ readonly value: string; readonly externalId?: Maybe<string> }>;
  }>;
}

export interface AliasInput {
  readonly aliasType: string;
  readonly aliasId: string;
}

export interface OrderIdentifierInput {
  readonly orderId?: Maybe<string>;
  readonly alias?: Maybe<AliasInput>;
}

export interface MoneyInput {
  readonly amount: string;
  readonly currencyCode: string;
}

export interface DiscountsInput {
  readonly summary?: Maybe<{ readonly amount?: Maybe<MoneyInput>; readonly displayString?: Maybe<string> }>;
  readonly details?: Maybe<
    readonly {
      readonly amount?: Maybe<MoneyInput>;
      readonly displayString?: Maybe<string>;
      readonly aliases?: Maybe<readonly AliasInput[]>;
      readonly couponCode?: Maybe<string>;
    }[]
  >;
}

export interface LineItemInput {
  readonly aliases?: Maybe<readonly AliasInput[]>;
  readonly amount: AmountInput;
  readonly product?: Maybe<{
    readonly identifier?: Maybe<ProductIdentifierInput>;
    readonly title?: Maybe<string>;
    readonly price?: Maybe<MoneyInput>;
  }>;
  readonly selectedDeliveryOffer: {
    readonly details?: Maybe<{
      readonly id?: Maybe<string>;
      readonly deliveryPreviewId?: Maybe<string>;
      readonly deliveryProvider: string;
      readonly deliveryTerms?: Maybe<DeliveryTermsInput>;
      readonly deliveryCharge?: Maybe<MoneyInput>;
    }>;
  };
  readonly discounts?: Maybe<DiscountsInput>;
  readonly taxes?: Maybe<{ readonly summary?: Maybe<{ readonly collectableTaxAmount?: Maybe<MoneyInput> }> }>;
}

export interface CreateOrderFromOfferInput {
  readonly baseOfferId: string;
  readonly additionalLineItems?: Maybe<readonly LineItemInput[]>;
  readonly aliases?: Maybe<readonly AliasInput[]>;
  readonly customer?: unknown;
  readonly desiredExecutionState?: Maybe<'STARTED' | 'NOT_STARTED'>;
  readonly discounts?: Maybe<DiscountsInput>;
  readonly orderLinks?: Maybe<
    readonly { readonly destinationType: string; readonly url: string; readonly displayMessage?: Maybe<string> }[]
  >;
  readonly totalPrice?: Maybe<{ readonly value: MoneyInput }>;
}
